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
    }

    private let name: String
    private let group: ProcessGroup
    /// Held open for as long as the child should live: it reads the end of this as the end of its parent.
    private let input: Int32
    private let state = Monitor(State())

    /// - Parameters:
    ///   - environment: variables beside those of the test process.
    ///   - descriptors: what it is to have as descriptors 3, 4 and so on.
    init(
        _ program: String, _ arguments: [String], environment: [String: String] = [:], descriptors: [Int32] = []
    ) throws {
        name = ([program] + arguments).joined(separator: " ")
        let output = try Pipe()
        let stdin = try Pipe()
        group = try ProcessGroup(
            program, arguments, environment: environment, stdin: stdin.reading, output: output.writing,
            descriptors: descriptors)
        close(stdin.reading)
        close(output.writing)
        input = stdin.writing
        onThread { [state] in Self.read(output.reading, into: state) }
    }

    deinit {
        group.kill()
        close(input)
    }

    var id: pid_t { group.id }

    /// Sends it a signal.
    func signal(_ number: Int32) { group.signal(number) }

    /// Waits until it has ended by itself, and returns its exit status; nil when a signal ended it.
    func waitForEnd(by deadline: Deadline = .after(.seconds(30))) throws -> Int32 {
        try waitForEnd(of: id, by: deadline)
    }

    /// Waits for the end of a process that it has started and outlived, too: in an upgrade, one that took over.
    func waitForEnd(of process: pid_t, by deadline: Deadline = .after(.seconds(30))) throws -> Int32 {
        do {
            return try group.waitForEnd(of: process, by: deadline)
        } catch {
            throw Trouble("\(error); it said:\n\(lines.map(\.text).joined(separator: "\n"))")
        }
    }

    /// Ends it, and what it has started, at once, as `kill -9` does, and waits until all are gone.
    func kill() { group.kill() }

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
