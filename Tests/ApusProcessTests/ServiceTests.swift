import ApusAddresses
import ApusModel
import CApusSystem
import Foundation
import Glibc
import Testing

@testable import ApusProcess

@Suite("Service manager")
struct ServiceTests {
    @Test("states read as sd_notify(3) has them")
    func assignments() {
        #expect(ServiceState.ready.assignment == "READY=1")
        #expect(ServiceState.reloading(since: 17).assignment == "RELOADING=1\nMONOTONIC_USEC=17")
        #expect(ServiceState.stopping.assignment == "STOPPING=1")
        #expect(ServiceState.alive.assignment == "WATCHDOG=1")
        #expect(ServiceState.mainProcess(42).assignment == "MAINPID=42")
        #expect(ServiceState.takesLonger(.seconds(2)).assignment == "EXTEND_TIMEOUT_USEC=2000000")
        // A line break would begin another assignment.
        #expect(ServiceState.status("a\nMAINPID=1\r\nb").assignment == "STATUS=a MAINPID=1 b")
    }

    @Test("the supervisor is what the environment says")
    func environment() {
        func supervisor(_ socket: String?, _ time: String? = nil, _ process: String? = nil) -> ServiceSupervisor? {
            ServiceSupervisor(
                socket: socket, watchdogMicroseconds: time, watchdogProcess: process, process: 7)
        }
        #expect(supervisor(nil) == nil)
        #expect(supervisor("vsock:2:1234") == nil)
        #expect(supervisor("/run/x")?.watchdogInterval == nil)
        #expect(supervisor("/run/x", "3000000")?.watchdogInterval == .seconds(3))
        #expect(supervisor("@x", "3000000", "7")?.watchdogInterval == .seconds(3))
        #expect(supervisor("@x", "3000000", "8")?.watchdogInterval == nil)
        #expect(supervisor("@x", "0")?.watchdogInterval == nil)
        #expect(supervisor("@x", "soon")?.watchdogInterval == nil)
    }

    @Test("what is told arrives, at a path and at an abstract name", arguments: [false, true])
    func datagrams(isAbstract: Bool) throws {
        let receiver = try NotifySocket(isAbstract: isAbstract)
        let supervisor = try #require(receiver.supervisor())
        #expect(supervisor.tell(.mainProcess(9), .status("starting")))
        #expect(receiver.next() == "MAINPID=9\nSTATUS=starting")
        let before = monotonicMicroseconds()
        supervisor.tellReloading()
        let reloading = try #require(receiver.next()).split(separator: "\n")
        #expect(reloading.first == "RELOADING=1")
        let since = try #require(reloading.last?.split(separator: "=").last.flatMap { Int64($0) })
        #expect(since >= before && since <= monotonicMicroseconds())
    }

    @Test("standard error is the journal's when it is the very stream that systemd connected")
    func journal() throws {
        var ends: [Int32] = [0, 0]
        try #require(pipe(&ends) == 0)
        defer { for end in ends { close(end) } }
        var status = stat()
        try #require(fstat(ends[1], &status) == 0)
        #expect(Journal.isConnected(ends[1], stream: "\(status.st_dev):\(status.st_ino)"))
        #expect(!Journal.isConnected(ends[1], stream: "\(status.st_dev):\(status.st_ino + 1)"))
        #expect(!Journal.isConnected(ends[1], stream: nil))
        #expect(!Journal.isConnected(-1, stream: "0:0"))
    }

    @Test("each line has its severity")
    func severities() {
        #expect(Journal.lines("a.yaml:1:1: no\n  1 | x", .error) == "<3>a.yaml:1:1: no\n<3>  1 | x")
        #expect(Journal.lines("listening", .notice) == "<5>listening")
    }

    @Test("nobody listens: nothing happens")
    func nobody() throws {
        let supervisor = try #require(
            ServiceSupervisor(
                socket: "/nonexistent/notify", watchdogMicroseconds: nil, watchdogProcess: nil, process: 1))
        #expect(!supervisor.tell(.ready))
    }

    @Test("the watchdog is fed while all is well, and no longer", .timeLimit(.minutes(1)))
    func watchdog() async throws {
        let receiver = try NotifySocket(isAbstract: true)
        let supervisor = try #require(receiver.supervisor(watchdogMicroseconds: "20000"))
        let health = Health(goodAnswers: 3)
        let watching = Task { await supervisor.watch { await health.next() } }
        while await health.asked < 6 { try await Task.sleep(for: .milliseconds(5)) }
        watching.cancel()
        await watching.value
        var heard: [String] = []
        while let next = receiver.next(wait: false) { heard.append(next) }
        #expect(heard == ["WATCHDOG=1", "WATCHDOG=1", "WATCHDOG=1"])
    }

    private actor Health {
        private(set) var asked = 0
        let goodAnswers: Int
        init(goodAnswers: Int) { self.goodAnswers = goodAnswers }
        func next() -> Bool {
            asked += 1
            return asked <= goodAnswers
        }
    }
}

@Suite("Socket activation")
struct SocketActivationTests {
    @Test("the variables say which descriptors, and for whom")
    func variables() throws {
        let passed = try SocketActivation.passed(process: "5", count: "3", names: "web::tls", own: 5)
        #expect(passed.map(\.descriptor) == [3, 4, 5])
        #expect(passed.map(\.name) == ["web", "", "tls"])
        #expect(try SocketActivation.passed(process: "5", count: "2", names: nil, own: 5).map(\.name) == ["", ""])
        // Addressed to somebody else, or to nobody.
        #expect(try SocketActivation.passed(process: "6", count: "3", names: nil, own: 5).isEmpty)
        #expect(try SocketActivation.passed(process: nil, count: "3", names: nil, own: 5).isEmpty)
        #expect(try SocketActivation.passed(process: "5", count: nil, names: nil, own: 5).isEmpty)
        for bad in ["-1", "x", "99999999999"] {
            #expect(throws: InheritanceError.badCount(bad)) {
                try SocketActivation.passed(process: "5", count: bad, names: nil, own: 5)
            }
        }
    }

    @Test("a listening socket is recognised, with its address, and made one of ours")
    func listeners() throws {
        for address in [apus_address(high: 0, low: 0xffff_7f00_0001, port: 0), apus_address(high: 0, low: 1, port: 0)] {
            let descriptor = apus_listen(address, 16)
            try #require(descriptor >= 0)
            defer { close(descriptor) }
            // As a service manager passes it.
            try #require(apus_close_on_exec(descriptor, 0) == 0)
            try #require(fcntl(descriptor, F_SETFL, 0) == 0)
            let socket = try InheritedSocket(adopting: descriptor, name: "web")
            #expect(socket.address.ip == IPAddress(high: address.high, low: address.low))
            #expect(socket.address.port != 0)
            #expect(fcntl(descriptor, F_GETFD) & FD_CLOEXEC != 0)
            #expect(fcntl(descriptor, F_GETFL) & O_NONBLOCK != 0)
        }
    }

    @Test("what is no listening socket is refused")
    func others() throws {
        var ends: [Int32] = [0, 0]
        try #require(pipe(&ends) == 0)
        defer { for end in ends { close(end) } }
        #expect(throws: InheritanceError.self) { try InheritedSocket(adopting: ends[0], name: "") }
        let unconnected = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        defer { close(unconnected) }
        #expect(throws: InheritanceError.notAListener(descriptor: unconnected, name: "x")) {
            try InheritedSocket(adopting: unconnected, name: "x")
        }
        #expect(throws: InheritanceError.notOpen(descriptor: 9999, name: "", errno: EBADF)) {
            try InheritedSocket(adopting: 9999, name: "")
        }
    }
}

/// Where a service manager listens.
final class NotifySocket: Sendable {
    let name: String
    private let descriptor: Int32

    init(isAbstract: Bool) throws {
        let unique = "apus-test-\(getpid())-\(UInt32.random(in: 0...UInt32.max))"
        name = isAbstract ? "@\(unique)" : FileManager.default.temporaryDirectory.path + "/\(unique)"
        descriptor = socket(AF_UNIX, Int32(SOCK_DGRAM.rawValue) | O_NONBLOCK, 0)
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        let bytes = Array(name.utf8)
        withUnsafeMutableBytes(of: &address.sun_path) { path in
            path.copyBytes(from: bytes)
            if isAbstract { path[0] = 0 }
        }
        let length = socklen_t(MemoryLayout<sa_family_t>.size + bytes.count)
        let result = withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { bind(descriptor, $0, length) }
        }
        try #require(result == 0)
    }

    deinit {
        close(descriptor)
        if !name.hasPrefix("@") { unlink(name) }
    }

    func supervisor(watchdogMicroseconds: String? = nil) -> ServiceSupervisor? {
        ServiceSupervisor(
            socket: name, watchdogMicroseconds: watchdogMicroseconds, watchdogProcess: nil, process: getpid())
    }

    /// The next datagram, or nil after ten seconds.
    func next(wait: Bool = true) -> String? {
        if wait { _ = apus_wait(descriptor, 0, 10_000) }
        var bytes = [UInt8](repeating: 0, count: 4096)
        let count = recv(descriptor, &bytes, bytes.count, 0)
        return count < 0 ? nil : String(decoding: bytes.prefix(count), as: UTF8.self)
    }
}
