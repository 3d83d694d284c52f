import ApusTestKit
import Glibc

/// A program running beside the tests: started, watched line by line, sent signals by its id, and ended with the last
/// reference, or with the test process, however that ends.
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

    let id: pid_t
    private let name: String
    /// Held open for as long as the child should live: it reads the end of this as the end of its parent.
    private let input: Int32
    /// Kills the child when the test process has died without doing so.
    private let guardian: (id: pid_t, input: Int32)
    private let state = Monitor(State())

    init(_ program: String, _ arguments: [String]) throws {
        name = ([program] + arguments).joined(separator: " ")
        let output = try Pipe()
        let stdin = try Pipe()
        id = try spawn(program, arguments, stdin: stdin.reading, output: output.writing)
        close(stdin.reading)
        close(output.writing)
        input = stdin.writing
        let lifeline = try Pipe()
        let watch = try spawn(
            "/bin/sh", ["-c", "read ended; kill -9 \(id)"], stdin: lifeline.reading, output: nil)
        close(lifeline.reading)
        guardian = (watch, lifeline.writing)
        onThread { [state] in Self.read(output.reading, into: state) }
    }

    deinit { kill() }

    /// Sends it a signal.
    func signal(_ number: Int32) {
        state.with { if !$0.hasEnded { _ = Glibc.kill(id, number) } }
    }

    /// Ends it at once, as `kill -9` does, and waits until it is gone.
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

    private static func end(_ id: pid_t) {
        _ = Glibc.kill(id, SIGKILL)
        var status: Int32 = 0
        while waitpid(id, &status, 0) == -1, errno == EINTR {}
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
    let output = try Pipe()
    let id = try spawn(program, arguments, stdin: nil, output: output.writing)
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
    let written = String(decoding: text, as: UTF8.self)
    guard status == 0 else {
        throw Trouble("\(program) \(arguments.joined(separator: " ")) failed: \(written)")
    }
    return written
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
private func spawn(_ program: String, _ arguments: [String], stdin: Int32?, output: Int32?) throws -> pid_t {
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
    _ = GNU.addCloseFrom(&actions, 3)
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
    var argv: [UnsafeMutablePointer<CChar>?] = ([program] + arguments).map { strdup($0) }
    argv.append(nil)
    defer { for text in argv { free(text) } }
    var id = pid_t()
    let result = posix_spawnp(&id, program, &actions, &attributes, argv, environ)
    guard result == 0 else { throw Trouble("cannot start \(program): errno \(result)") }
    return id
}
