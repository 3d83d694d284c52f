import ApusConfig
import ApusModel
import Foundation
import Testing

/// Where keys are in the memory of a process that has read them.
@Suite struct KeysInMemoryTests {
    /// Other bytes than the text has, so that what is looked for is not found where it is kept.
    private static let mask: UInt8 = 0x5a

    private func printed(_ command: String) throws -> [UInt8] {
        let process = Process()
        process.executableURL = URL(filePath: "/bin/bash")
        process.arguments = ["-c", command]
        let pipe = Pipe()
        process.standardOutput = pipe
        try process.run()
        let bytes = pipe.fileHandleForReading.readDataToEndOfFile()
        process.waitUntilExit()
        return Array(bytes)
    }

    /// How often some bytes, masked, are in what the process may write.
    private func occurrences(of masked: [UInt8]) throws -> Int {
        let memory = try #require(FileHandle(forReadingAtPath: "/proc/self/mem"))
        defer { try? memory.close() }
        let first = masked[0] ^ Self.mask
        var count = 0
        for line in try String(contentsOfFile: "/proc/self/maps", encoding: .utf8).split(separator: "\n") {
            let words = line.split(separator: " ")
            let ends = words[0].split(separator: "-").compactMap { UInt64($0, radix: 16) }
            guard words[1].hasPrefix("rw"), ends.count == 2, ends[1] < 1 << 47 else { continue }
            for start in stride(from: ends[0], to: ends[1], by: 1 << 20) {
                try memory.seek(toOffset: start)
                let size = Int(min(ends[1] - start, 1 << 20 + 64))
                guard let piece = try? memory.read(upToCount: size) else { continue }
                piece.withUnsafeBytes { bytes in
                    for at in 0..<max(0, min(bytes.count, 1 << 20) - masked.count) where bytes[at] == first {
                        if masked.indices.allSatisfy({ bytes[at + $0] ^ Self.mask == masked[$0] }) { count += 1 }
                    }
                }
            }
        }
        return count
    }

    @Test(arguments: [true, false]) func whatAKeyWasReadIntoIsOverwritten(inOneFile: Bool) throws {
        let folder = FileManager.default.temporaryDirectory.appending(path: "apus-keys-\(UUID())").path
        defer { try? FileManager.default.removeItem(atPath: folder) }
        // The key is made elsewhere, and a line of it told with other bytes.
        let masked = try printed(
            """
            mkdir \(folder); cd \(folder)
            openssl req -x509 -newkey rsa:2048 -nodes -keyout site.key -out site.pem -days 30 -subj /CN=a \
                -addext subjectAltName=DNS:a 2> errors
            if \(inOneFile); then cat site.key >> site.pem; fi
            sed -n 5p site.key | python3 -c 'import sys; sys.stdout.buffer.write(bytes(b ^ \(Self.mask) for b in sys.stdin.buffer.read(48)))'
            """)
        try #require(masked.count == 48)
        let text = """
            listeners: [{ bind: ":1", tls: { certificate: site.pem\(inOneFile ? "" : ", key: site.key") } }]
            pools: { web: { endpoints: ["127.0.0.1:1"] } }
            """
        let loaded = try ConfigurationLoader().load(text: text, file: folder + "/apus.yaml")
        #expect(loaded.snapshot.listeners[0].tls?.certificates.count == 1)
        #expect(try occurrences(of: masked) == 0)
        // It would be found.
        let key = try Data(contentsOf: URL(filePath: folder + "/site.key"))
        #expect(try occurrences(of: masked) > 0)
        withExtendedLifetime(key) {}
    }
}
