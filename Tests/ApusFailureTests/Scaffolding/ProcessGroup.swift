import ApusTestKit
import Foundation

/// A program and all that it starts, as one group of processes. Each is waited for at the moment it ends, so that none is
/// left as a zombie: Swift Testing waits for its exit tests behind the first zombie of the test process that it meets.
final class ProcessGroup: Sendable {
    private struct State {
        /// What `waitpid` said of the processes that have ended.
        var ended: [pid_t: Int32] = [:]
        /// Nobody is left.
        var isGone = false
        var isKilled = false
    }

    /// The number of the program, and of the group. The group's is ours until all have been waited for.
    let id: pid_t
    /// The guardian reads the end of this when the test process has died, and then kills the group. It is a member
    /// itself: as long as it lives, the group's number cannot become another's.
    private let lifeline: Int32
    private let state = Monitor(State())

    init(
        _ program: String, _ arguments: [String], environment: [String: String] = [:], stdin: Int32?, output: Int32?,
        descriptors: [Int32] = []
    ) throws {
        Zombies.adopt
        let lifeline = try Pipe()
        defer { close(lifeline.reading) }
        self.lifeline = lifeline.writing
        do {
            id = try spawn(
                program, arguments, environment: environment, stdin: stdin, output: output, descriptors: descriptors)
        } catch {
            close(lifeline.writing)
            throw error
        }
        // Not waited for yet, so its group is there even if it has ended.
        let guardian = try? spawn(
            "/bin/sh", ["-c", "read ended; kill -s KILL -- -\(id)"], stdin: lifeline.reading, output: nil, group: id)
        onThread { [id, state] in Self.reap(id, into: state) }
        guard guardian != nil else {
            kill()
            throw Trouble("no guardian for \(program)")
        }
    }

    deinit { kill() }

    /// Sends the program a signal, unless it has ended.
    func signal(_ number: Int32) {
        state.with { if $0.ended[id] == nil { _ = Glibc.kill(id, number) } }
    }

    /// Waits until `process`, which is or was of the group, has ended, and returns its exit status, or the number of
    /// the signal that ended it, negative.
    func waitForEnd(of process: pid_t, by deadline: Deadline) throws -> Int32 {
        let seen = try? state.wait(for: "an end", by: deadline) { $0.ended[process] != nil || $0.isGone }
        guard let status = seen?.ended[process] else {
            throw Trouble("process \(process) \(seen == nil ? "did not end" : "was not of the group \(id)")")
        }
        // As WIFEXITED and WEXITSTATUS have it.
        return status & 0x7f == 0 ? status >> 8 & 0xff : -(status & 0x7f)
    }

    /// Ends all at once, and waits until they are gone.
    func kill() {
        let isFirst = state.with { state -> Bool in
            defer { state.isKilled = true }
            return !state.isKilled
        }
        guard isFirst else { return }
        _ = Glibc.kill(-id, SIGKILL)
        close(lifeline)
        // A process that even SIGKILL does not end is the kernel's, and is left to it.
        _ = try? state.wait(for: "the group to be gone", by: .after(.seconds(30))) { $0.isGone }
    }

    /// Waits for one after the other. When a process ends, those that it has started become children of this one before
    /// it can be waited for; and the guardian stays to the last. So as long as somebody lives, there is one to wait for.
    private static func reap(_ group: pid_t, into state: Monitor<State>) {
        var info = siginfo_t()
        while true {
            // It stays to be waited for until the lock is held: `signal` must not hit a number that is free.
            guard waitid(P_PGID, id_t(group), &info, WEXITED | WNOWAIT) == 0 else {
                if errno == EINTR { continue }
                break
            }
            let process = info._sifields._sigchld.si_pid
            state.with { state in
                var status: Int32 = 0
                while waitpid(process, &status, 0) == -1, errno == EINTR {}
                state.ended[process] = status
            }
        }
        state.with { $0.isGone = true }
    }
}
