import Foundation
import NIOCore
import Testing

@testable import ApusControl

@Suite struct CompressionTests {
    @Test(
        arguments: [
            (nil, false), ("", false), ("gzip", true), ("GZIP", true), ("x-gzip", true),
            ("deflate, gzip;q=1.0, *;q=0.5", true),
            ("gzip;q=0", false), ("gzip;q=0.000", false), ("gzip ; q=0.5", true), ("gzip;q=0.5, identity;q=0.8", false),
            ("gzip;q=0.8, identity;q=0.5", true), ("*", true), ("*;q=0", false), ("*, gzip;q=0", false),
            ("br, zstd", false),
            ("identity", false), ("gzip;q=nonsense", false), ("gzip;q=2", false), (",,gzip,", true), ("notgzip", false),
        ] as [(String?, Bool)])
    func whatClientsTake(field: String?, isTaken: Bool) {
        #expect(AcceptedCoding.takesGzip(field) == isTaken, "\(field ?? "none")")
    }

    /// As the system's own gzip reads it.
    static func unzipped(_ bytes: ByteBuffer) throws -> String {
        let file = FileManager.default.temporaryDirectory.appending(path: "apus-\(UUID()).gz")
        defer { try? FileManager.default.removeItem(at: file) }
        try Data(bytes.readableBytesView).write(to: file)
        let (process, pipe) = (Process(), Pipe())
        process.executableURL = URL(filePath: "/bin/gzip")
        process.arguments = ["-dc", file.path]
        process.standardOutput = pipe
        try process.run()
        let text = try pipe.fileHandleForReading.readToEnd() ?? Data()
        process.waitUntilExit()
        #expect(process.terminationStatus == 0)
        return String(decoding: text, as: UTF8.self)
    }

    @Test(arguments: [0, 1, 1000, 65_535, 65_536, 1_000_000])
    func gzipIsReadAsItWasWritten(count: Int) throws {
        var random = SystemRandomNumberGenerator()
        let text = String(decoding: (0..<count).map { _ in UInt8.random(in: 32...126, using: &random) }, as: UTF8.self)
        let stream = try #require(GzipStream())
        var rest = ByteBuffer(string: text)
        while let piece = rest.readSlice(length: min(rest.readableBytes, 40_000)), piece.readableBytes > 0 {
            stream.write(piece)
        }
        var whole = ByteBuffer()
        for piece in try #require(stream.finish()) { whole.writeImmutableBuffer(piece) }
        #expect(try Self.unzipped(whole) == text)
    }

    static func answer(_ server: AdminFixture, _ path: String, _ field: String) async throws -> (
        head: String, ByteBuffer
    ) {
        var bytes = try await server.rawBytes(
            ByteBuffer(string: "GET \(path) HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\(field)\r\n"))
        let end = try #require(bytes.readableBytesView.firstRange(of: Array("\r\n\r\n".utf8)))
        let head = bytes.readString(length: end.upperBound - bytes.readerIndex)
        return (try #require(head), bytes)
    }

    @Test(arguments: ["/metrics", "/openapi.json", "/v1/pools"])
    func bigAnswersAreCompressed(path: String) async throws {
        let endpoints = (1...50).map { "127.0.0.1:\($0)" }.joined(separator: ", ")
        let text = "listeners: [{ bind: 127.0.0.1:8080 }]\npools: { web: { endpoints: [\(endpoints)] } }"
        try await AdminFixture.run(text) { server in
            let (head, zipped) = try await Self.answer(server, path, "Accept-Encoding: gzip\r\n")
            #expect(head.contains("Content-Encoding: gzip\r\n") && head.contains("Vary: Accept-Encoding\r\n"))
            #expect(head.contains("Content-Length: \(zipped.readableBytes)\r\n"))
            let (plainHead, plain) = try await Self.answer(server, path, "")
            #expect(!plainHead.contains("Content-Encoding") && plainHead.contains("Vary: Accept-Encoding\r\n"))
            let unzipped = try Self.unzipped(zipped)
            #expect(zipped.readableBytes * 3 < plain.readableBytes)
            #expect(unzipped.split(separator: "\n").count == String(buffer: plain).split(separator: "\n").count)
        }
    }

    @Test func smallAnswersAreNot() async throws {
        try await AdminFixture.run { server in
            let (head, body) = try await Self.answer(server, "/livez", "Accept-Encoding: gzip\r\n")
            #expect(!head.contains("Content-Encoding") && String(buffer: body) == "alive\n")
        }
    }

    /// Answers that their clients do not read are bounded together.
    @Test func answersShareABound() {
        let memory = AdminMemory(bytes: 1000)
        let lease = memory.lease()
        #expect(lease.take(900))
        let other = memory.lease()
        #expect(!other.take(200))
    }
}
