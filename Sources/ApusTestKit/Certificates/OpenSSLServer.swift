public import ApusAddresses
import Foundation
import Glibc

/// `openssl s_server`, which answers `GET`s with a page whose end is that of the connection. Ends with the last reference.
public final class OpenSSLServer: Addressed, @unchecked Sendable {
    public let address: SocketAddress
    private let process = Process()
    private let output: URL

    /// - Parameters:
    ///   - certificate: one of the tests', such as `site`.
    ///   - options: further ones of the command.
    public init(certificate: String, options: [String] = ["-www"]) throws {
        output = FileManager.default.temporaryDirectory.appending(path: "apus-openssl-\(UUID().uuidString)")
        guard FileManager.default.createFile(atPath: output.path, contents: nil) else {
            throw KitError.timedOut("making \(output.path)")
        }
        process.executableURL = URL(filePath: "/usr/bin/env")
        process.arguments =
            [
                "openssl", "s_server", "-accept", "127.0.0.1:0", "-cert", TestCertificates.path("\(certificate).pem"),
                "-key", TestCertificates.path("\(certificate).key"),
            ] + options
        process.standardInput = FileHandle.nullDevice
        process.standardOutput = try FileHandle(forWritingTo: output)
        process.standardError = FileHandle.nullDevice
        try process.run()
        let deadline = Deadline.standard
        var port: UInt16?
        while port == nil {
            guard !deadline.hasPassed else { throw KitError.timedOut("waiting for openssl s_server") }
            let text = (try? String(contentsOf: output, encoding: .utf8)) ?? ""
            port = text.firstMatch(of: /ACCEPT .*:(\d+)\n/).flatMap { UInt16($0.1) }
            shortRest()
        }
        address = .loopback(port ?? 0)
    }

    deinit {
        kill(process.processIdentifier, SIGKILL)
        try? FileManager.default.removeItem(at: output)
    }
}
