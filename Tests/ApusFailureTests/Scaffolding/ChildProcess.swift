import ApusTestKit
import Foundation

/// A program running beside the tests: started, watched line by line, sent signals by its id, and ended with the last
/// reference, or with the test process, however that ends; and with it all that it has started.
///
/// Spawned without the Foundation's `Process`, which has threads and opinions of its own about children that stop.
final class ChildProcess: Sendable {
    /// A line that it wrote, to standard output or standard error, and when it was read here.
    struct Line: Sendable, CustomStringConvertible {
        var time: ContinuousClock.Instant
        var text: String

        var description: String { text }
    }

    private struct State {
        var lines: [Line] = []
        var isReading = true
        var hasEnded = false
    }

    /// Its number, and that of the group of processes that it and what it starts are of. Both are ours until `kill` has
    /// waited for it.
    let id: pid_t
    private let name: String
    /// Held open for as long as the child should live: it reads the end of this as the end of its parent.
    private let input: Int32
    /// Kills the child when the test process has died without doing so.
    private let guardian: (id: pid_t, input: Int32)
    private let state = Monitor(State())

    /// - Parameters:
    ///   - environment: variables beside those of the test process.
    ///   - descriptors: what it is to have as descriptors 3, 4 and so on.
    init(
        _ program: String, _ arguments: [String], environment: [String: String] = [:], descriptors: [Int32] = []
    ) throws {
        Self.adoptOrphans
        name = ([program] + arguments).joined(separator: " ")
        let output = try Pipe()
        let stdin = try Pipe()
        id = try spawn(
            program, arguments, environment: environment, stdin: stdin.reading, output: output.writing,
            descriptors: descriptors)
        close(stdin.reading)
        close(output.writing)
        input = stdin.writing
        let lifeline = try Pipe()
        let watch = try spawn(
            "/bin/sh", ["-c", "read ended; kill -s KILL -- -\(id)"], stdin: lifeline.reading, output: nil)
        close(lifeline.reading)
        guardian = (watch, lifeline.writing)
        onThread { [state] in Self.read(output.reading, into: state) }
    }

    deinit { kill() }

    /// Sends it a signal.
    func signal(_ number: Int32) {
        state.with { if !$0.hasEnded { _ = Glibc.kill(id, number) } }
    }

    /// What a child has started becomes a child of the test process when the one that started it ends, and can be waited
    /// for.
    private static let adoptOrphans: Void = { _ = GNU.prctl(GNU.setChildSubreaper, 1, 0, 0, 0) }()

    /// Waits until it has ended by itself, and returns its exit status; nil when a signal ended it.
    func waitForEnd(by deadline: Deadline = .after(.seconds(30))) throws -> Int32? {
        try waitForEnd(of: id, by: deadline)
    }

    /// Waits for the end of a process that it has started and outlived, too: in an upgrade, one that took over.
    func waitForEnd(of process: pid_t, by deadline: Deadline = .after(.seconds(30))) throws -> Int32? {
        var info = siginfo_t()
        while true {
            info._sifields._sigchld.si_pid = 0
            // It stays to be waited for: until then its number is not another's.
            let result = waitid(P_PID, id_t(process), &info, WEXITED | WNOWAIT | WNOHANG)
            if result == 0, info._sifields._sigchld.si_pid == process {
                return info.si_code == Int32(CLD_EXITED) ? info._sifields._sigchld.si_status : nil
            }
            // Not a child of this process yet, while the one that has started it lives.
            guard result == 0 || errno == EINTR || errno == ECHILD else {
                throw Trouble("cannot wait for process \(process): errno \(errno)")
            }
            guard !deadline.hasPassed else {
                throw Trouble("process \(process) did not end; it said:\n\(lines.map(\.text).joined(separator: "\n"))")
            }
            rest(.milliseconds(5))
        }
    }

    /// Ends it, and what it has started, at once, as `kill -9` does, and waits until all are gone.
    func kill() {
        let isOurs = state.with { state -> Bool in
            defer { state.hasEnded = true }
            return !state.hasEnded
        }
        guard isOurs else { return }
        // The guardian first: the child's id is its own until it has been waited for below.
        Self.end(guardian.id)
        close(guardian.input)
        Self.end(id)
        close(input)
    }

    /// Ends a group of processes. When a process has ended, those that it had started are children of this one.
    private static func end(_ group: pid_t) {
        _ = Glibc.kill(-group, SIGKILL)
        var status: Int32 = 0
        while waitpid(-group, &status, 0) > 0 || errno == EINTR {}
    }

    // MARK: What it says

    /// What it has written so far.
    var lines: [Line] { state.current.lines }

    /// Waits until it has written a line of which `find` makes something.
    func wait<Found>(
        for what: String, by deadline: Deadline = .after(.seconds(30)), _ find: (Line) -> Found?
    ) throws -> Found {
        let seen = try? state.wait(for: what, by: deadline) { state in
            !state.isReading || state.lines.contains { find($0) != nil }
        }
        for line in lines { if let found = find(line) { return found } }
        let outcome = seen == nil ? "did not say within the deadline" : "ended without saying"
        throw Trouble("\(name) \(outcome): \(what). It said:\n\(lines.map(\.text).joined(separator: "\n"))")
    }

    private static func read(_ descriptor: Int32, into state: Monitor<State>) {
        var rest: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 16_384)
        while true {
            let count = Glibc.read(descriptor, &buffer, buffer.count)
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { break }
            let time = ContinuousClock.now
            rest += buffer[..<count]
            while let end = rest.firstIndex(of: UInt8(ascii: "\n")) {
                let text = String(decoding: rest[..<end], as: UTF8.self)
                state.with { $0.lines.append(Line(time: time, text: text)) }
                rest.removeSubrange(...end)
            }
        }
        close(descriptor)
        state.with { $0.isReading = false }
    }
}

/// Why a scenario could not be played.
struct Trouble: Error, CustomStringConvertible {
    var description: String
    init(_ description: String) { self.description = description }
}

/// Runs a program to its end and returns what it wrote. Throws when it ends with anything but 0.
@discardableResult
func run(_ program: String, _ arguments: [String]) throws -> String {
    let outcome = try outcome(of: program, arguments)
    guard outcome.status == 0 else {
        throw Trouble("\(program) \(arguments.joined(separator: " ")) failed: \(outcome.text)")
    }
    return outcome.text
}

/// Runs a program to its end and returns its exit status, -1 when a signal ended it, and what it wrote to standard output
/// and standard error.
func outcome(
    of program: String, _ arguments: [String], environment: [String: String] = [:]
) throws -> (status: Int32, text: String) {
    let output = try Pipe()
    let id = try spawn(program, arguments, environment: environment, stdin: nil, output: output.writing)
    close(output.writing)
    defer { close(output.reading) }
    var text: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: 4096)
    while true {
        let count = read(output.reading, &buffer, buffer.count)
        if count < 0, errno == EINTR { continue }
        guard count > 0 else { break }
        text += buffer[..<count]
    }
    var status: Int32 = 0
    while waitpid(id, &status, 0) == -1, errno == EINTR {}
    // As WIFEXITED and WEXITSTATUS have it.
    return (status & 0x7f == 0 ? status >> 8 & 0xff : -1, String(decoding: text, as: UTF8.self))
}

// MARK: - Spawning

/// Both ends are closed in children, except where they are made a child's own.
private struct Pipe {
    let reading: Int32
    let writing: Int32

    init() throws {
        var ends: [Int32] = [0, 0]
        guard GNU.pipe2(&ends, O_CLOEXEC) == 0 else { throw Trouble("no pipe: errno \(errno)") }
        (reading, writing) = (ends[0], ends[1])
    }
}

/// Starts `program` in a process group of its own, with no descriptors but these and no signal ignored or blocked.
func spawn(
    _ program: String, _ arguments: [String], environment: [String: String] = [:], stdin: Int32?, output: Int32?,
    descriptors: [Int32] = []
) throws -> pid_t {
    var actions = posix_spawn_file_actions_t()
    posix_spawn_file_actions_init(&actions)
    defer { posix_spawn_file_actions_destroy(&actions) }
    if let stdin {
        posix_spawn_file_actions_adddup2(&actions, stdin, 0)
    } else {
        posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
    }
    for descriptor: Int32 in 1...2 {
        if let output {
            posix_spawn_file_actions_adddup2(&actions, output, descriptor)
        } else {
            posix_spawn_file_actions_addopen(&actions, descriptor, "/dev/null", O_WRONLY, 0)
        }
    }
    // A connection of another test, inherited by accident, would outlive its closing there.
    for (number, descriptor) in descriptors.enumerated() {
        posix_spawn_file_actions_adddup2(&actions, descriptor, Int32(3 + number))
    }
    _ = GNU.addCloseFrom(&actions, Int32(3 + descriptors.count))
    var attributes = posix_spawnattr_t()
    posix_spawnattr_init(&attributes)
    defer { posix_spawnattr_destroy(&attributes) }
    var none = sigset_t()
    sigemptyset(&none)
    var all = sigset_t()
    sigfillset(&all)
    posix_spawnattr_setsigmask(&attributes, &none)
    posix_spawnattr_setsigdefault(&attributes, &all)
    posix_spawnattr_setpgroup(&attributes, 0)
    posix_spawnattr_setflags(
        &attributes, Int16(POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETPGROUP))
    let variables = ProcessInfo.processInfo.environment.merging(environment) { $1 }.map { "\($0.key)=\($0.value)" }
    var argv: [UnsafeMutablePointer<CChar>?] = ([program] + arguments).map { strdup($0) } + [nil]
    var envp: [UnsafeMutablePointer<CChar>?] = variables.map { strdup($0) } + [nil]
    defer { for text in argv + envp { free(text) } }
    var id = pid_t()
    let result = posix_spawnp(&id, program, &actions, &attributes, &argv, &envp)
    guard result == 0 else { throw Trouble("cannot start \(program): errno \(result)") }
    return id
}
