import ApusHTTP
import ApusModel
import ApusTestKit
import Testing

/// Origins that break their connection in the middle of a large upload, which goes past the process unseen: the word says what
/// happened, and what the origin has said before goes on.
@Suite struct BrokenUploads {
    /// What a client sends, of what it announces: no buffer of the system takes all of it.
    private static let size = 8 << 20
    private static let head = "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: \(8 * size)\r\n\r\n"
    private static let block = [UInt8](repeating: 0x61, count: 65_536)

    /// What the client is told whose origin does that when `count` bytes of the body have come.
    private func response(after count: Int, _ end: @escaping @Sendable (Connection) throws -> Void) throws -> Response {
        let origin = try Origin { connection in
            _ = try connection.readRequestHead()
            _ = try connection.read(count)
            try end(connection)
        }
        let proxy = try Proxy(origin)
        let client = try proxy.connect()
        try client.send(Self.head)
        _ = try? client.sendUntilStalled(Self.block, limit: Self.size)
        return try client.readResponse(to: "POST")
    }

    @Test(arguments: [0, 100_000, 1 << 20, 4 << 20])
    func aResetIsCalledOne(count: Int) throws {
        expectMade(try response(after: count) { $0.reset() }, [.upstreamReset])
    }

    /// An end, and a reset of what is still sent: whichever is noticed first.
    @Test(arguments: [0, 100_000, 1 << 20, 4 << 20])
    func soIsAnEndBehindWhichNothingIsTaken(count: Int) throws {
        expectMade(try response(after: count) { $0.close() }, [.upstreamReset, .upstreamClosed])
    }

    @Test(arguments: [0, 100_000, 1 << 20, 4 << 20])
    func whatTheOriginHasSaidBeforeGoesOn(count: Int) throws {
        let response = try response(after: count) { connection in
            try connection.send("HTTP/1.1 413 Content Too Large\r\nContent-Length: 2\r\n\r\nno")
            connection.close()
        }
        #expect(response.status == 413 && response.text == "no" && response.announcesClose)
    }
}
