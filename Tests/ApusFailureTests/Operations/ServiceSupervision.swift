import ApusAddresses
import ApusModel
import ApusTestKit
import Foundation
import Testing

extension DailyOperations {
    /// What a service manager is told, from the start over a reload and an upgrade to the end.
    @Test func theServiceManagerIsTold() async throws {
        try await play {
            let origin = try MoodyOrigin("a")
            let configuration = Deployment.configuration(before: [origin.address])
            let apus = try Deployment(configuration)
            let manager = try ServiceManager(in: apus.folder)
            try apus.start(environment: ["NOTIFY_SOCKET": manager.path])
            try manager.wait(for: "that it serves") {
                $0.contains("READY=1\nSTATUS=serving revision 1")
            }

            manager.forget()
            let began = manager.microseconds
            try apus.write(configuration + "\n# changed")
            apus.process.signal(SIGHUP)
            let told = try manager.wait(for: "a reload's end") { $0.contains { $0.hasPrefix("READY=1") } }
            let reloading = try #require(told.first { $0.hasPrefix("RELOADING=1\nMONOTONIC_USEC=") })
            let time = try #require(Int64(reloading.split(separator: "=").last ?? ""))
            #expect(began <= time && time <= manager.microseconds)
            #expect(told.firstIndex(of: reloading)! < told.firstIndex { $0.hasPrefix("READY=1") }!)
            #expect(told.contains("STATUS=serving revision 2"))

            // A reload that is refused has an end, too.
            manager.forget()
            try apus.write("listeners: []")
            apus.process.signal(SIGHUP)
            let refused = try manager.wait(for: "a refused reload's end") { $0.contains { $0.hasPrefix("READY=1") } }
            #expect(refused.contains("STATUS=serving revision 2; the latest reload was refused, see the log"))

            // One that a person asks for is no reload of the manager's, but shows in the status.
            manager.forget()
            try apus.write(configuration + "\n# changed again")
            #expect(try apus.apus("reload").status == 0)
            try manager.wait(for: "the status") { $0.contains("STATUS=serving revision 3") }

            manager.forget()
            try apus.write(configuration)
            let line = try apus.expect("has taken over") { apus.process.signal(SIGUSR2) }
            let successor = try #require(line.firstMatch(of: /process (\d+) has/).flatMap { pid_t($0.1) })
            // With its number goes that it is well: half an interval may pass before it says so by itself.
            try manager.wait(for: "which process it is now") { $0.contains("MAINPID=\(successor)\nWATCHDOG=1") }
            // The manager's own child, as its predecessor was.
            let facts = try String(contentsOfFile: "/proc/\(successor)/status", encoding: .utf8)
            #expect(facts.contains("PPid:\t\(getpid())\n"))
            // What it says counts from here on.
            try manager.wait(for: "the new one's status") { $0.contains("READY=1\nSTATUS=serving revision 4") }
            #expect(try apus.process.waitForEnd() == 0)
            // The service has not stopped.
            #expect(!manager.heard.contains { $0.contains("STOPPING=1") }, "\(manager.heard)")

            manager.forget()
            kill(successor, SIGTERM)
            #expect(try apus.process.waitForEnd(of: successor) == 0)
            try manager.wait(for: "that it stops") { $0.contains { $0.contains("STOPPING=1") } }
        }
    }

    /// The watchdog is fed while the process is well and not while it stands still; a successor feeds it, too, though it
    /// is not the process that the manager started.
    @Test func theWatchdogIsFed() async throws {
        try await play {
            let origin = try MoodyOrigin("a")
            let apus = try Deployment(Deployment.configuration(before: [origin.address]))
            let manager = try ServiceManager(in: apus.folder)
            // As systemd does: with the number of the process that it starts.
            try apus.start(
                environment: ["NOTIFY_SOCKET": manager.path, "WATCHDOG_USEC": "200000"],
                through: "export WATCHDOG_PID=$$; exec \"$@\"")
            func feeds(_ count: Int) throws {
                manager.forget()
                try manager.wait(for: "the watchdog to be fed") { $0.count { $0 == "WATCHDOG=1" } >= count }
            }
            try feeds(5)
            apus.process.signal(SIGSTOP)
            // What it sent before may still arrive.
            rest(.milliseconds(200))
            manager.forget()
            rest(.milliseconds(600))
            #expect(manager.heard == [])
            apus.process.signal(SIGCONT)
            try feeds(2)

            #expect(try apus.apus("upgrade").status == 0)
            #expect(try apus.process.waitForEnd() == 0)
            try feeds(3)
        }
    }

    /// One worker that stands still is enough for silence, though the other goes on.
    @Test(arguments: 0...1) func oneStuckWorkerStarvesTheWatchdog(worker: Int) async throws {
        try await play {
            let origin = try MoodyOrigin("a")
            let apus = try Deployment(Deployment.configuration(before: [origin.address]))
            let manager = try ServiceManager(in: apus.folder)
            try apus.start(environment: ["NOTIFY_SOCKET": manager.path, "WATCHDOG_USEC": "200000"])
            try manager.wait(for: "the watchdog to be fed") { $0.count { $0 == "WATCHDOG=1" } >= 3 }
            let stuck = try HeldThread(named: "apus-worker-\(worker)", of: apus.process.id)
            // What was asked before may still be answered.
            rest(.milliseconds(200))
            manager.forget()
            rest(.milliseconds(600))
            #expect(manager.heard == [])
            stuck.letGo()
            try manager.wait(for: "the watchdog to be fed again") { $0.count { $0 == "WATCHDOG=1" } >= 2 }
            #expect(try apus.stop() == 0)
        }
    }

    /// A listening socket that the service manager has bound is used, and no other; what arrives while nobody runs waits
    /// there.
    @Test func aSocketOfTheServiceManager() async throws {
        try await play {
            let origin = try MoodyOrigin("a")
            let socket = try BoundSocket()
            let apus = try Deployment(
                """
                workers: 2
                listeners: [{ bind: \(socket.address) }]
                pools: { web: { endpoints: [\(origin.address)] } }
                """)
            let early = try Connection(to: socket.address)
            try early.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
            for number in 1...2 {
                try apus.start(
                    environment: ["LISTEN_FDS": "1", "LISTEN_FDNAMES": "web"], descriptors: [socket.descriptor],
                    through: "export LISTEN_PID=$$; exec \"$@\"")
                if number == 1 { #expect(try early.readResponse().text == "origin a\n") }
                #expect(try Connection(to: socket.address).get().status == 200)
                let own = try ListeningSockets.of(apus.process.id)
                #expect(own.contains { $0.hasSuffix(" \(socket.inode)") })
                // One more: the admin server's.
                #expect(own.count == 2, "\(own)")
                #expect(try apus.stop() == 0)
            }
        }
    }
}

/// A service manager's side of sd_notify(3): a socket, and what was told over it.
private final class ServiceManager: Sendable {
    let path: String
    private let descriptor: Int32
    private let messages = Monitor<[String]>([])

    init(in folder: Folder) throws {
        path = folder.path + "/notify"
        descriptor = socket(AF_UNIX, Int32(SOCK_DGRAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path.utf8.prefix(107)) }
        let bound = withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(descriptor, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
            }
        }
        guard bound == 0 else { throw Trouble("cannot bind \(path): errno \(errno)") }
        onThread { [descriptor, messages] in
            var buffer = [UInt8](repeating: 0, count: 4096)
            while true {
                let count = recv(descriptor, &buffer, buffer.count, 0)
                guard count > 0 else { break }
                messages.with { $0.append(String(decoding: buffer[..<count], as: UTF8.self)) }
            }
            close(descriptor)
        }
    }

    // The thread that receives closes it.
    deinit { shutdown(descriptor, Int32(SHUT_RD)) }

    /// What was told since `forget`, a message each.
    var heard: [String] { messages.current }

    func forget() { messages.with { $0 = [] } }

    @discardableResult
    func wait(for what: String, _ condition: ([String]) -> Bool) throws -> [String] {
        try messages.wait(for: what, by: .after(.seconds(20)), until: condition)
    }

    /// The clock that the protocol counts by.
    var microseconds: Int64 {
        var time = timespec()
        clock_gettime(CLOCK_MONOTONIC, &time)
        return Int64(time.tv_sec) * 1_000_000 + Int64(time.tv_nsec) / 1000
    }
}

/// A listening socket of the test's own, to be passed on.
private final class BoundSocket: Sendable {
    let descriptor: Int32
    let address: SocketAddress
    let inode: UInt64

    init() throws {
        descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        var name = sockaddr_in()
        name.sin_family = sa_family_t(AF_INET)
        name.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let descriptor = descriptor
        let result = withUnsafeMutablePointer(to: &name) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { name in
                bind(descriptor, name, length) == 0 && listen(descriptor, 128) == 0
                    && getsockname(descriptor, name, &length) == 0
            }
        }
        guard result else { throw Trouble("no listening socket: errno \(errno)") }
        address = .loopback(UInt16(bigEndian: name.sin_port))
        var status = stat()
        fstat(descriptor, &status)
        inode = UInt64(status.st_ino)
    }

    deinit { close(descriptor) }
}
