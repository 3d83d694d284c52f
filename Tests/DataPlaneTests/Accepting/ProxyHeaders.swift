import ApusAddresses
import ApusHTTP
import ApusModel
import ApusRouting
import ApusTestKit
import Foundation
import Testing

/// Clients that a proxy names by the PROXY protocol.
@Suite(.onOwnThreads) struct ProxyHeaders {
    /// Headers that name 192.0.2.7, in both versions.
    static let named = ProxyProtocol.allCases.map { version in
        text(
            ProxyHeader.bytes(
                version, client: SocketAddress("192.0.2.7:1234")!, reached: SocketAddress("198.51.100.1:80")!))
    }
    static let ofNobody = ProxyProtocol.allCases.map { text(ProxyHeader.bytesOfNobody($0)) }
    private let request = "GET / HTTP/1.1\r\nHost: a\r\n\r\n"

    /// A proxy whose listener has headers from 127.0.0.1 alone.
    private func proxy(
        _ origin: any Addressed, configure: (inout Proxy.Configuration) -> Void = { _ in }
    ) throws -> Proxy {
        try Proxy(origin) {
            configure(&$0)
            let change = $0.listener
            $0.listener = {
                change(&$0)
                $0.proxyNetworks = [Network("127.0.0.1")!]
            }
        }
    }

    private func forwardedFor(_ origin: Origin) -> [String] {
        origin.requests.map { $0.fields.all("X-Forwarded-For").joined(separator: ", ") }
    }

    @Test(arguments: named, Delivery.allCases)
    func theClientIsTheOneThatIsNamed(header: String, delivery: Delivery) throws {
        let origin = try Origin()
        let proxy = try proxy(origin)
        let client = try proxy.connect()
        switch delivery {
        case .inOnePiece: try client.send(header + request)
        case .byteByByte: try client.sendSlowly(header + request)
        }
        #expect(try client.readResponse().isGood)
        // From then on.
        #expect(try client.get().isGood)
        #expect(forwardedFor(origin) == ["192.0.2.7", "192.0.2.7"])
        #expect(proxy.count(.proxyHeaders) == 1 && proxy.count(.proxyHeadersRefused) == 0)
    }

    /// What comes along with the header is not lost, however much it is.
    @Test(arguments: named) func requestsComeAlong(header: String) throws {
        let origin = try Origin()
        let proxy = try proxy(origin)
        let client = try proxy.connect()
        let upload =
            "POST /b HTTP/1.1\r\nHost: a\r\nContent-Length: 3000\r\n\r\n" + String(repeating: "x", count: 3_000)
        try client.send(String(header.prefix(20)))
        rest(.milliseconds(50))
        try client.send(header.dropFirst(20) + request + upload + "GET /c HTTP/1.1\r\nHost: a\r\n")
        #expect(try client.readResponse().isGood)
        #expect(try client.readResponse().isGood)
        try client.send("\r\n")
        #expect(try client.readResponse().isGood)
        #expect(origin.requests.map(\.target) == ["/", "/b", "/c"])
        #expect(origin.requests[1].body.count == 3_000)
        #expect(Set(forwardedFor(origin)) == ["192.0.2.7"])
    }

    @Test(arguments: ofNobody) func aHeaderOfNobodyLeavesTheProxyAsTheClient(header: String) throws {
        let origin = try Origin()
        let proxy = try proxy(origin)
        let client = try proxy.connect()
        try client.send(header + request)
        #expect(try client.readResponse().isGood)
        #expect(forwardedFor(origin) == ["127.0.0.1"])
        #expect(proxy.count(.proxyHeaders) == 1)
    }

    // MARK: - Who may, and must

    /// From others a header is a bad request, and is called what it is.
    @Test(arguments: named + ofNobody, Delivery.allCases)
    func nobodyElseMayNameAClient(header: String, delivery: Delivery) throws {
        let origin = try Origin()
        let proxy = try proxy(origin)
        let client = try proxy.connect(from: .loopback(2))
        switch delivery {
        case .inOnePiece:
            try client.send(header + request)
            expectRefusal(try client.readResponse(), [.unexpectedProxyHeader])
        case .byteByByte:
            // Not all: it is refused meanwhile, and read on for two seconds. Of one whose first bytes come alone it cannot be
            // told what it is.
            try? client.sendSlowly(header)
            try? client.send(request)
            expectRefusal(try client.readResponse(), [.unexpectedProxyHeader, .badMethod, .badRequestLine])
        }
        let other = try proxy.connect(from: .loopback(2))
        #expect(try other.get().isGood)
        #expect(forwardedFor(origin) == ["127.0.0.2"])
        #expect(proxy.count(.proxyHeaders) == 0)
    }

    @Test(arguments: named) func aSecondHeaderIsNone(header: String) throws {
        let proxy = try proxy(try Origin())
        let client = try proxy.connect()
        try client.send(header + header + request)
        expectRefusal(try client.readResponse(), [.unexpectedProxyHeader])
    }

    static let bad: [(String, ProxyHeaderFault)] = [
        ("GET / HTTP/1.1\r\nHost: a\r\n\r\n", .missing), ("\u{16}\u{3}\u{1}", .missing),
        ("PROXY TCP4 1.1.1.1 2.2.2.2 1\r\n", .badLine),
        ("PROXY UNKNOWN " + String(repeating: "x", count: 200), .tooLong),
        ("\r\n\r\n\0\r\nQUIT\n\u{31}\u{11}\0\u{c}", .unknownVersion),
        ("\r\n\r\n\0\r\nQUIT\n\u{21}\u{11}\u{ff}\u{ff}", .tooLong),
    ]

    @Test(arguments: bad) func aBadHeaderEndsTheConnection(start: String, fault: ProxyHeaderFault) async throws {
        let origin = try Origin()
        let proxy = try proxy(origin)
        let client = try proxy.connect()
        try client.send(start)
        #expect((try? client.readToEnd().bytes) ?? [] == [])
        try proxy.eventually("the end") { proxy.count(.connectionsClosed) == 1 }
        #expect(proxy.count(.proxyHeadersRefused) == 1 && proxy.count(.proxyHeaders) == 0)
        let told = await refusals(of: proxy, until: 1)
        #expect(told.map(\.event) == [.proxyHeaderRefused(fault, from: "127.0.0.1", count: 1)])
        #expect(origin.connections == 0)
    }

    @Test func anEndInTheMiddleIsRefusedAndOneBeforeItIsNot() async throws {
        let proxy = try proxy(try Origin())
        let silent = try proxy.connect()
        silent.close()
        try proxy.eventually("the end") { proxy.count(.connectionsClosed) == 1 }
        #expect(proxy.count(.proxyHeadersLeft) == 1 && proxy.count(.proxyHeadersRefused) == 0)
        let cut = try proxy.connect()
        try cut.send("PROXY TCP4")
        cut.close()
        try proxy.eventually("the end") { proxy.count(.connectionsClosed) == 2 }
        #expect(proxy.count(.proxyHeadersLeft) == 1 && proxy.count(.proxyHeadersRefused) == 1)
        #expect(
            await refusals(of: proxy, until: 1).map(\.event)
                == [.proxyHeaderRefused(.cut, from: "127.0.0.1", count: 1)])
    }

    /// However it trickles.
    @Test func aHeaderHasADeadline() throws {
        let proxy = try proxy(try Origin()) { $0.timeouts.handshake = .milliseconds(300) }
        let client = try proxy.connect()
        let began = Deadline.after(.seconds(8))
        for byte in "PROXY UNKNOWN " + String(repeating: "x", count: 80) {
            guard proxy.count(.proxyHeaderTimeouts) == 0, !began.hasPassed else { break }
            try? client.send(String(byte))
            rest(.milliseconds(100))
        }
        #expect(proxy.count(.proxyHeaderTimeouts) == 1 && !began.hasPassed)
        #expect(client.received.isEmpty)
    }

    // MARK: - Who sees whom

    @Test func trustedProxiesAreThoseThatAreNamed() throws {
        let origin = try Origin()
        let proxy = try proxy(origin) { $0.trustedProxies = [Network("192.0.2.0/24")!, Network("127.0.0.1")!] }
        for client in ["192.0.2.7", "203.0.113.9"] {
            let header = "PROXY TCP4 \(client) 198.51.100.1 1234 80\r\n"
            let connection = try proxy.connect()
            try connection.send(header + "GET / HTTP/1.1\r\nHost: a\r\nX-Forwarded-For: 10.9.9.9\r\n\r\n")
            #expect(try connection.readResponse().isGood)
        }
        #expect(forwardedFor(origin) == ["10.9.9.9, 192.0.2.7", "203.0.113.9"])
    }

    @Test func routesAskForTheClientThatIsNamed() throws {
        let (inside, outside) = (try Origin(), try Origin())
        let proxy = try Proxy(pools: [[inside], [outside]]) {
            $0.listener = { $0.proxyNetworks = [Network("127.0.0.0/8")!] }
            $0.routes = [Route(name: "inside", pool: 0), Route(name: "*", pool: 1)]
            $0.routes[0].match.clients = [Network("192.0.2.0/24")!]
        }
        for header in Self.named + Self.ofNobody {
            let client = try proxy.connect()
            try client.send(header + request)
            #expect(try client.readResponse().isGood)
        }
        #expect(inside.requests.count == 2 && outside.requests.count == 2)
    }

    @Test func theLogHasTheClientThatIsNamed() throws {
        let path = NSTemporaryDirectory() + "apus-\(UUID().uuidString).log"
        defer { try? FileManager.default.removeItem(atPath: path) }
        let proxy = try proxy(try Origin()) { $0.accessLog = .file(path: path) }
        let client = try proxy.connect()
        try client.send("PROXY TCP6 2001:db8::7 2001:db8::1 1234 80\r\n" + request)
        #expect(try client.readResponse().isGood)
        try proxy.eventually("a line") { try String(contentsOfFile: path, encoding: .utf8).contains("2001:db8::7") }
    }

    // MARK: - Reloads

    @Test func aReloadLeavesConnectionsAsTheyAre() async throws {
        let origin = try Origin()
        let proxy = try Proxy(origin)
        let before = try proxy.connect()
        #expect(try before.get().isGood)
        try await proxy.reload { $0.listeners[0].listener.proxyNetworks = [Network("127.0.0.1")!] }
        #expect(try before.get().isGood)
        let after = try proxy.connect()
        try after.send(Self.named[1] + request)
        #expect(try after.readResponse().isGood)
        let waiting = try proxy.connect()
        try waiting.send(String(Self.named[0].prefix(10)))
        rest(.milliseconds(50))
        try await proxy.reload { $0.listeners[0].listener.proxyNetworks = [] }
        try waiting.send(Self.named[0].dropFirst(10) + request)
        #expect(try waiting.readResponse().isGood)
        #expect(try after.get().isGood)
        #expect(try proxy.get().isGood)
        let (local, named) = ("127.0.0.1", "192.0.2.7")
        #expect(forwardedFor(origin) == [local, local, named, named, named, local])
    }
}
