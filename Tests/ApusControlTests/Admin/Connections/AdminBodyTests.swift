import ApusAddresses
import ApusModel
import Foundation
import NIOCore
import Testing

@testable import ApusControl

@Suite struct AdminBodyTests {
    static let head = "POST /v1/config/validate HTTP/1.1\r\nHost: localhost\r\n"

    static func chunked(_ text: String, by size: Int) -> String {
        var coded = ""
        var rest = text[...]
        while !rest.isEmpty {
            let piece = rest.prefix(size)
            rest = rest.dropFirst(size)
            coded += String(piece.utf8.count, radix: 16) + "\r\n" + piece + "\r\n"
        }
        return coded + "0\r\n\r\n"
    }

    @Test(arguments: [1, 7, 1000])
    func chunkedBodiesAreRead(size: Int) async throws {
        try await AdminFixture.run { server in
            let body = Self.chunked(ConfigurationFixture.text, by: size)
            let text = try await server.raw(
                Self.head + "Transfer-Encoding: chunked\r\nConnection: close\r\n\r\n" + body)
            #expect(try AdminFixture.Answer(text).status == 200)
        }
    }

    @Test(arguments: ["zz\r\n", "3\r\nabcd\r\n", "0\r\nX: a\nY: b\r\n\r\n"])
    func malformedChunksAreRefused(body: String) async throws {
        try await AdminFixture.run { server in
            let answer = try AdminFixture.Answer(
                try await server.raw(Self.head + "Transfer-Encoding: chunked\r\n\r\n" + body))
            #expect(answer.status == 400 && answer.fields["connection"] == "close")
            #expect(["bad_chunk", "bad_trailer"].contains(answer.fields["apus-reason"]))
        }
    }

    /// What arrives cut is no configuration, though it could be read as one.
    @Test(arguments: ["Content-Length: 4000\r\n", "Transfer-Encoding: chunked\r\n"])
    func aBodyThatIsCutChangesNothing(framing: String) async throws {
        try await AdminFixture.run { server in
            let text = ConfigurationFixture.text
            let body = framing.hasPrefix("T") ? String(text.utf8.count, radix: 16) + "\r\n" + text : text
            let connection = try await server.connect(
                sending: "PUT /v1/config HTTP/1.1\r\nHost: localhost\r\n\(framing)\r\n\(body)")
            connection.close()
            try await Task.sleep(for: .milliseconds(100))
            #expect(await server.configuration.adopter.adopted.isEmpty)
        }
    }

    /// Operations that take nothing are carried out for a request that has come whole, and for no other.
    @Test(arguments: ["zz\r\n", "3\r\nabcd\r\n", "5\r\nab"])
    func operationsWithoutABodyWaitForItsEnd(body: String) async throws {
        try await AdminFixture.run { server in
            for request in ["POST /v1/config/reload", "DELETE /v1/pools/web/endpoints/127.0.0.1:1"] {
                let head = "\(request) HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n"
                if body.hasPrefix("5") {
                    let connection = try await server.connect(sending: head + body)
                    connection.close()
                    try await Task.sleep(for: .milliseconds(100))
                } else {
                    #expect(try AdminFixture.Answer(try await server.raw(head + body)).status == 400)
                }
            }
            #expect(await server.configuration.adopter.adopted.isEmpty)
        }
    }

    /// A body that is announced comes when the request has been looked at: refused ones are not waited for.
    @Test func theBodyIsAskedForWhenTheCallerMaySendIt() async throws {
        try await AdminFixture.run { server in
            let body = ConfigurationFixture.text
            let connection = try await server.connect(
                sending: Self.head + "Expect: 100-continue\r\nContent-Length: \(body.utf8.count)\r\n\r\n")
            #expect(try await connection.comes { $0.received == "HTTP/1.1 100 Continue\r\n\r\n" })
            try await connection.send(body)
            #expect(try await connection.comes { $0.received.contains("HTTP/1.1 200 OK\r\n") })
            connection.close()
            for refused in ["Sec-Fetch-Site: cross-site\r\nContent-Length: 5", "Content-Length: 40000000"] {
                let answer = try await server.raw(Self.head + "Expect: 100-continue\r\n\(refused)\r\n\r\n")
                #expect(!answer.contains("100 Continue"))
                #expect(["403", "413"].contains(answer.split(separator: " ")[1]), "\(answer)")
                #expect(answer.contains("Connection: close\r\n"))
            }
        }
    }

    /// Who has not said the token has nothing read of what it sends; and it can read the answer while it is sending.
    @Test func bodiesOfCallersThatAreRefusedAreNotRead() async throws {
        let admin = Admin(
            ApusAddresses.SocketAddress("127.0.0.1:0")!, token: Secret(Array(AdminAccessTests.token.utf8)))
        let text = ConfigurationFixture.text + "\nadmin: { bind: 127.0.0.1:9900, token: \(AdminAccessTests.token) }"
        try await AdminFixture.run(text, admin: admin) { server in
            let body = String(repeating: "x", count: 8 << 20)
            let answer = try AdminFixture.Answer(
                try await server.raw(
                    "PUT /v1/config HTTP/1.1\r\nHost: localhost\r\nContent-Length: \(body.utf8.count)\r\n\r\n" + body))
            #expect(answer.status == 401 && answer.fields["connection"] == "close")
        }
    }

    /// Half a body holds the memory of the whole: a second one has to wait, and is told so.
    @Test func bodiesShareABound() async throws {
        var limits = AdminLimits()
        limits.requestMemory = 100_000
        try await AdminFixture.run(connections: AdminConnections(limits: limits)) { server in
            let first = try await server.connect(
                sending: Self.head + "Expect: 100-continue\r\nContent-Length: 90000\r\n\r\n")
            #expect(try await first.comes { !$0.received.isEmpty })
            let pad = "#" + String(repeating: "x", count: 20_000) + "\n"
            let body = ConfigurationFixture.text + "\n" + pad
            for framing in [false, true] {
                let fields =
                    framing
                    ? "Transfer-Encoding: chunked\r\n\r\n" + Self.chunked(body, by: 5000)
                    : "Content-Length: \(body.utf8.count)\r\n\r\n" + body
                let refused = try AdminFixture.Answer(
                    try await server.raw(Self.head + "Connection: close\r\n" + fields))
                #expect(refused.status == 503 && refused.fields["retry-after"] == "1")
                #expect(try refused.json()["type"] == "urn:apus:problem:busy")
            }
            first.close()
            var status = 503
            for _ in 0..<200 where status == 503 {
                status = try await server.send("POST", "/v1/config/validate", [:], body).status
                try await Task.sleep(for: .milliseconds(10))
            }
            #expect(status == 200)
        }
    }

    /// One alone is never refused for the memory that others could want.
    @Test func oneBodyIsAlwaysTaken() {
        let memory = AdminMemory(bytes: 10)
        var one: AdminMemory.Lease? = memory.lease()
        let other = memory.lease()
        #expect(one?.take(25) == true && !other.take(1) && one?.take(1) == true)
        one = nil
        #expect(other.take(4) && other.take(6))
    }

    /// A body that nobody wants, and that has come already, does not cost the connection.
    @Test func aBodyThatIsNotWantedIsSkipped() async throws {
        try await AdminFixture.run { server in
            let request = "GET /livez HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\n\r\n{}"
            let text = try await server.raw(
                request + "GET /livez HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
            #expect(text.components(separatedBy: "alive\n").count == 3, "\(text)")
        }
    }
}
