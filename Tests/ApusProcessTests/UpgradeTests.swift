import ApusAddresses
import ApusModel
import CApusSystem
import Dispatch
import Foundation
import Glibc
import Testing

@testable import ApusProcess

@Suite("Upgrade", .timeLimit(.minutes(2)))
struct UpgradeTests {
    /// A successor that is a shell script: its connection is descriptor 3, on which a write is a message.
    ///
    /// One that is to be killed has started nothing by then, which nobody would wait for: it becomes by `exec` what it
    /// waits in.
    static func shell(_ script: String) -> Program {
        Program(
            path: "/bin/sh", arguments: ["sh", "-c", script],
            environment: ["PATH=/usr/bin:/bin", "LISTEN_FDS=1", "WATCHDOG_PID=1"])
    }

    static let nothing = Handover(sockets: [], revision: 1)

    @Test("a listener lives on in the process that took it over, with the connections that wait in its queue")
    func takingOver() async throws {
        let listener = apus_listen(apus_address(high: 0, low: 0xffff_7f00_0001, port: 0), 16)
        try #require(listener >= 0)
        var bound = apus_address()
        try #require(apus_bound_address(listener, &bound) == 0)
        let address = SocketAddress(ip: IPAddress(ipv4: 0x7f00_0001), port: bound.port)
        let state = [UInt8](repeating: 42, count: 1 << 20)
        let handover = Handover(
            sockets: Array(repeating: InheritedSocket(descriptor: listener, address: address), count: 130), revision: 7,
            state: state)
        let (own, other) = try MessageSocket.pair()
        // A thread of its own: it has to go on while this task waits for it.
        let knocking = bound
        let (outcome, end) = AsyncStream.makeStream(of: Result<(Successor.Answer, Int32), any Error>.self)
        Thread.detachNewThread {
            let result = Result {
                for (message, descriptors) in handover.messages {
                    try own.send(message, descriptors: descriptors, by: MessageSocketTests.soon)
                }
                let answer = Successor.answer(over: own, by: MessageSocketTests.soon)
                // Somebody knocks between the two.
                let client = apus_connect(knocking, .max)
                _ = apus_wait(client, 1, 10_000)
                close(listener)
                own.close()
                return (answer, client)
            }
            end.yield(result)
        }
        let takeover = try Takeover(over: other, patience: .seconds(20))
        #expect(takeover.handover.revision == 7)
        #expect(takeover.handover.state == state)
        #expect(takeover.handover.sockets.map(\.address) == Array(repeating: address, count: 130))
        try takeover.ready()
        await takeover.waitForRelease(patience: .seconds(20))
        let (answer, client) = try #require(await outcome.first { _ in true }).get()
        #expect(answer == .ready)
        var peer = apus_address()
        let accepted = apus_accept(try #require(takeover.handover.sockets.first).descriptor, &peer)
        #expect(accepted >= 0)
        for descriptor in takeover.handover.sockets.map(\.descriptor) + [client, accepted] { close(descriptor) }
    }

    @Test("a process that says ready has taken over; released, it sees the connection end")
    func ready() async throws {
        let mark = FileManager.default.temporaryDirectory.path + "/apus-upgrade-\(getpid())"
        defer { unlink(mark) }
        let successor = try await Successor.start(
            Self.shell(
                "printf R >&3; cat <&3 >/dev/null; echo \"$APUS_TAKE_OVER.$LISTEN_FDS.$WATCHDOG_PID.\" > \(mark)"),
            handing: Self.nothing)
        #expect(kill(successor.process, 0) == 0)
        #expect(access(mark, F_OK) != 0)
        successor.release()
        var text: String?
        while text?.hasSuffix("\n") != true {
            text = try? String(contentsOfFile: mark, encoding: .utf8)
            try await Task.sleep(for: .milliseconds(10))
        }
        // Its own descriptor, and nothing that was meant for the process before.
        #expect(text == "3...\n")
        #expect(successor.started.end() == .exited(status: 0))
    }

    @Test("a sibling has the same parent as this process")
    func sibling() async throws {
        let successor = try await Successor.start(
            Self.shell("printf R >&3; cat <&3 >/dev/null"), handing: Self.nothing, as: .sibling)
        let status = try String(contentsOfFile: "/proc/\(successor.process)/status", encoding: .utf8)
        #expect(status.split(separator: "\n").contains("PPid:\t\(getppid())"))
        successor.release()
        // How it has ended is not for us to know.
        #expect(successor.started.end() == .unknown)
    }

    @Test("a sibling that dies, or is never ready, is noticed and ended all the same", .timeLimit(.minutes(1)))
    func failingSibling() async throws {
        await #expect(throws: UpgradeError.died(.unknown)) {
            try await Successor.start(Self.shell("exit 7"), handing: Self.nothing, as: .sibling)
        }
        let mark = FileManager.default.temporaryDirectory.path + "/apus-sibling-\(getpid())"
        defer { unlink(mark) }
        let patience = Duration.milliseconds(300)
        await #expect(throws: UpgradeError.notReady(patience)) {
            try await Successor.start(
                Self.shell("echo $$ > \(mark); exec sleep 60"), handing: Self.nothing, as: .sibling,
                patience: patience)
        }
        let text = try String(contentsOfFile: mark, encoding: .utf8)
        let process = try #require(Int32(text.trimmingCharacters(in: .whitespacesAndNewlines)))
        // Its parent may not have looked yet.
        let status = (try? String(contentsOfFile: "/proc/\(process)/status", encoding: .utf8)) ?? "State:\tZ"
        #expect(status.contains("State:\tZ"))
    }

    @Test("a process that declines is heard")
    func declining() async {
        await #expect(throws: UpgradeError.declined("apus.yaml:3:1: no")) {
            try await Successor.start(
                Self.shell("printf 'Fapus.yaml:3:1: no' >&3; exit 1"),
                handing: HandoverTests.handover(sockets: 0, stateBytes: 1 << 20))
        }
    }

    @Test("a process that ends or crashes is told apart")
    func dying() async {
        await #expect(throws: UpgradeError.died(.exited(status: 7))) {
            try await Successor.start(Self.shell("exit 7"), handing: Self.nothing)
        }
        await #expect(throws: UpgradeError.died(.killed(signal: SIGSEGV))) {
            try await Successor.start(Self.shell("kill -SEGV $$"), handing: Self.nothing)
        }
    }

    @Test("a process that is never ready is ended, and one that will not end is killed")
    func lateness() async throws {
        let mark = FileManager.default.temporaryDirectory.path + "/apus-late-\(getpid())"
        defer { unlink(mark) }
        let patience = Duration.milliseconds(300)
        await #expect(throws: UpgradeError.notReady(patience)) {
            try await Successor.start(
                Self.shell("echo $$ > \(mark); trap '' TERM; exec sleep 60"), handing: Self.nothing,
                patience: patience)
        }
        let text = try String(contentsOfFile: mark, encoding: .utf8)
        let process = try #require(Int32(text.trimmingCharacters(in: .whitespacesAndNewlines)))
        #expect(kill(process, 0) != 0)
    }

    @Test("who says ready too late is told so")
    func tooLate() throws {
        let (own, other) = try MessageSocket.pair()
        for (message, descriptors) in Self.nothing.messages {
            try own.send(message, descriptors: descriptors, by: MessageSocketTests.soon)
        }
        let takeover = try Takeover(over: other, patience: .seconds(20))
        #expect(Successor.answer(over: own, by: monotonicMicroseconds()) == .late)
        #expect(throws: TakeoverError.abandoned) { try takeover.ready() }
        own.close()
    }

    @Test("ready that came at the last moment counts")
    func justInTime() throws {
        let (own, other) = try MessageSocket.pair()
        defer { own.close() }
        defer { other.close() }
        try other.send(.ready, by: MessageSocketTests.soon)
        #expect(Successor.answer(over: own, by: .min) == .ready)
    }

    @Test("a file that cannot be executed is named")
    func noProgram() async {
        await #expect(throws: UpgradeError.notExecutable(path: "/nonexistent/apus", errno: ENOENT)) {
            try await Successor.start(
                Program(path: "/nonexistent/apus", arguments: ["apus"], environment: ["A=b"]), handing: Self.nothing)
        }
        await #expect(throws: UpgradeError.notExecutable(path: "/etc/passwd", errno: EACCES)) {
            try await Successor.start(
                Program(path: "/etc/passwd", arguments: ["apus"], environment: ["A=b"]), handing: Self.nothing)
        }
    }

    @Test("one that breaks off, or makes no sense, is not taken over from; what it sent is closed")
    func brokenHandover() throws {
        func takeover(_ messages: [(UpgradeMessage, [Int32])]) throws -> (TakeoverError?, answer: Successor.Answer) {
            let (own, other) = try MessageSocket.pair()
            defer { own.close() }
            for (message, descriptors) in messages {
                try own.send(message, descriptors: descriptors, by: MessageSocketTests.soon)
            }
            do throws(TakeoverError) {
                _ = try Takeover(over: other, patience: .milliseconds(50))
                return (nil, .ready)
            } catch {
                return (error, Successor.answer(over: own, by: MessageSocketTests.soon))
            }
        }
        let begin = UpgradeMessage.begin(version: 1, revision: 1, sockets: 2, stateBytes: 0)
        var ends: [Int32] = [0, 0]
        try #require(pipe(&ends) == 0)
        let incomplete = try takeover([(begin, []), (.sockets([HandoverTests.address]), [ends[1]])])
        #expect(incomplete.0 == .incomplete)
        #expect(incomplete.answer == .failed("\(TakeoverError.incomplete)"))
        close(ends[1])
        // No copy of the writing end is left.
        var byte: UInt8 = 0
        #expect(read(ends[0], &byte, 1) == 0)
        close(ends[0])
        #expect(try takeover([(.ready, [])]).0 == .misunderstood)
        let later = UpgradeMessage.begin(version: 99, revision: 1, sockets: 2, stateBytes: 0)
        let other = try takeover([(later, [])])
        #expect(other.0 == .otherVersion(99))
        #expect(other.answer == .failed("\(TakeoverError.otherVersion(99))"))
    }

    @Test("the program that runs is found as it was started")
    func currentProgram() {
        let program = Program.current()
        #expect(program.path.hasPrefix("/"))
        #expect(access(program.path, X_OK) == 0)
        #expect(program.arguments == CommandLine.arguments)
        #expect(Program.absolute("b/apus", in: "/a") == "/a/b/apus")
        #expect(Program.absolute("/b/apus", in: "/a") == "/b/apus")
        #expect(Program.currentEnvironment().contains { $0.hasPrefix("PATH=") })
    }
}
