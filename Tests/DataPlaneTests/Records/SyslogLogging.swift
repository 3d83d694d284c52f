import ApusAddresses
import ApusModel
import ApusProxy
import ApusTestKit
import Foundation
import Testing

/// The access log as datagrams, to a server of the test's own.
@Suite struct SyslogLogging {
    /// A socket that takes datagrams, as a syslog server has it.
    private final class Server {
        let path = NSTemporaryDirectory() + "apus-\(UInt32.random(in: 0...UInt32.max)).sock"
        private var descriptor: Int32 = -1

        deinit { stop() }

        func listenLocally() throws {
            descriptor = socket(AF_UNIX, Int32(SOCK_DGRAM.rawValue), 0)
            var address = sockaddr_un()
            address.sun_family = sa_family_t(AF_UNIX)
            withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path.utf8) }
            let size = socklen_t(MemoryLayout<sockaddr_un>.size)
            let result = withUnsafePointer(to: &address) { address in
                address.withMemoryRebound(to: sockaddr.self, capacity: 1) { bind(descriptor, $0, size) }
            }
            try #require(result == 0, "errno \(errno)")
        }

        /// - Returns: the port.
        func listenOnLoopback() throws -> UInt16 {
            descriptor = socket(AF_INET, Int32(SOCK_DGRAM.rawValue), 0)
            var address = sockaddr_in()
            address.sin_family = sa_family_t(AF_INET)
            address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
            var size = socklen_t(MemoryLayout<sockaddr_in>.size)
            let result = withUnsafeMutablePointer(to: &address) { address in
                address.withMemoryRebound(to: sockaddr.self, capacity: 1) { address in
                    bind(descriptor, address, size) == 0 ? getsockname(descriptor, address, &size) : -1
                }
            }
            try #require(result == 0, "errno \(errno)")
            return UInt16(bigEndian: address.sin_port)
        }

        func stop() {
            if descriptor >= 0 { close(descriptor) }
            descriptor = -1
            unlink(path)
        }

        /// The next message, or why there is none after `seconds`.
        ///
        /// A signal to any other test's thread may end a wait before its time: it is begun again.
        func next(within seconds: Int = 10) -> String {
            var patience = timeval(tv_sec: 1, tv_usec: 0)
            setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &patience, socklen_t(MemoryLayout<timeval>.size))
            var buffer = [UInt8](repeating: 0, count: 1 << 17)
            let end = ContinuousClock.now + .seconds(seconds)
            while true {
                let count = recv(descriptor, &buffer, buffer.count, 0)
                if count > 0 { return String(decoding: buffer[..<count], as: UTF8.self) }
                let error = errno
                guard error == EINTR || error == EAGAIN, ContinuousClock.now < end else {
                    return "nothing: errno \(error)"
                }
            }
        }
    }

    private func log(_ target: Syslog.Target, _ template: String = "{target} {status}") throws -> AccessLog {
        AccessLog(
            .syslog(Syslog(target: target, facility: 17, tag: "edge")),
            format: .template(try AccessLogTemplate(template)))
    }

    @Test func aLocalServerGetsWhatLocalProgramsSend() throws {
        let server = Server()
        try server.listenLocally()
        let proxy = try Proxy(try Origin()) { $0.accessLog = try! log(.local(path: server.path)) }
        let client = try proxy.connect()
        #expect(try client.get("/a").isGood && client.get("/b").isGood)
        #expect(server.next() == "<142>edge[\(getpid())]: /a 200")
        #expect(server.next() == "<142>edge[\(getpid())]: /b 200")
    }

    @Test func aServerBehindUDPGetsRFC5424() throws {
        let server = Server()
        let address = SocketAddress("127.0.0.1:\(try server.listenOnLoopback())")!
        let proxy = try Proxy(try Origin()) { $0.accessLog = try! log(.udp(address)) }
        #expect(try proxy.get("/a").isGood)
        let header = /<142>1 \d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z \S+ edge (\d+) access - \/a 200/
        let message = server.next()
        let match = try #require(message.wholeMatch(of: header), "\(message)")
        #expect(Int32(match.output.1) == getpid())
    }

    @Test(.onOwnThreads) func aServerThatWasStartedAnewGetsWhatCameMeanwhile() async throws {
        let server = Server()
        try server.listenLocally()
        let proxy = try Proxy(try Origin()) { $0.accessLog = try! log(.local(path: server.path)) }
        #expect(try proxy.get("/a").isGood)
        #expect(server.next().hasSuffix("/a 200"))
        server.stop()
        #expect(try proxy.get("/b").isGood)
        var facts = proxy.dataPlane.facts.makeAsyncIterator()
        let refused = AccessLogNews.Event.refused("No such file or directory", keepsLines: true, untold: 0)
        #expect(await facts.next()?.fact == .accessLog(AccessLogNews(destination: server.path, refused)))
        try server.listenLocally()
        #expect(server.next().hasSuffix("/b 200"))
        #expect(
            await facts.next()?.fact == .accessLog(AccessLogNews(destination: server.path, .resumed(dropped: 0))))
        #expect(proxy.count(.accessLogDropped) == 0)
    }

    /// Nobody reads: the requests go on, and what there is no room for is counted.
    @Test func aServerThatDoesNotReadIsNotWaitedFor() throws {
        let server = Server()
        try server.listenLocally()
        let template = String(repeating: "{target}", count: 8)
        let proxy = try Proxy(try Origin()) { $0.accessLog = try! log(.local(path: server.path), template) }
        let client = try proxy.connect()
        let target = "/" + String(repeating: "x", count: 8_000)
        for _ in 0..<60 {
            #expect(try client.get(target).isGood)
            client.forget()
        }
        #expect(proxy.count(.accessLogDropped) > 0)
    }

    @Test func aLineIsCutToWhatADatagramHolds() throws {
        let server = Server()
        let address = SocketAddress("127.0.0.1:\(try server.listenOnLoopback())")!
        let template = String(repeating: "{target}", count: 15)
        let proxy = try Proxy(try Origin()) { $0.accessLog = try! log(.udp(address), template) }
        #expect(try proxy.get("/" + String(repeating: "x", count: 8_000)).isGood)
        let message = server.next()
        #expect(message.hasPrefix("<142>1 ") && message.utf8.count > 60_000 && message.utf8.count <= 65_487)
    }

    @Test func aServerThatIsNotThereIsNamed() throws {
        let path = NSTemporaryDirectory() + "apus-nobody.sock"
        #expect(throws: DataPlaneError.accessLog(path: path, errno: ENOENT)) {
            _ = try Proxy(try Origin()) { $0.accessLog = try! log(.local(path: path)) }
        }
    }
}
