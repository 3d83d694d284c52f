import ApusTestKit
import Foundation

/// A program in a terminal: a pseudo-terminal that the test has the other side of. The program ends with the last
/// reference.
final class TerminalSession: Sendable {
    /// The size of a terminal, in characters.
    struct Size {
        var columns: UInt16
        var rows: UInt16
    }

    var id: pid_t { group.id }
    private let group: ProcessGroup
    /// Our side, and a descriptor of the program's side, which outlives the program.
    private let ours: Int32
    private let theirs: Int32
    private let output = Monitor("")

    init(_ program: String, _ arguments: [String], environment: [String: String] = [:], size: Size) throws {
        var sides: (Int32, Int32) = (0, 0)
        guard GNU.openpty(&sides.0, &sides.1, nil, nil, nil) == 0 else {
            throw Trouble("no pseudo-terminal: errno \(errno)")
        }
        (ours, theirs) = sides
        for side in [ours, theirs] { _ = fcntl(side, F_SETFD, FD_CLOEXEC) }
        Self.resize(ours, size)
        group = try ProcessGroup(
            program, arguments, environment: environment.merging(["TERM": "xterm"]) { $1 }, stdin: theirs,
            output: theirs)
        onThread { [ours, output] in
            var buffer = [UInt8](repeating: 0, count: 65_536)
            while true {
                let count = read(ours, &buffer, buffer.count)
                if count < 0, errno == EINTR { continue }
                // Once nobody has the other side any more.
                guard count > 0 else { break }
                let text = String(decoding: buffer[..<count], as: UTF8.self)
                output.with { $0 += text }
            }
            close(ours)
        }
    }

    deinit {
        group.kill()
        close(theirs)
    }

    /// All that it has written, with what moves the cursor.
    var text: String { output.current }

    /// What it has drawn last as a whole, line by line, without colours.
    var screen: [String] {
        let frames = text.components(separatedBy: "\u{1b}[H").dropFirst().filter { $0.contains("\u{1b}[J") }
        guard let last = frames.last?.components(separatedBy: "\u{1b}[J").first else { return [] }
        // The terminal makes two of a carriage return and a line feed three.
        return last.replacing(/\u{1b}\[[0-9;?]*[a-zA-Z]/, with: "").unicodeScalars.filter { $0 != "\r" }
            .split(separator: "\n", omittingEmptySubsequences: false).map { String($0) }
    }

    func press(_ keys: String) {
        let bytes = Array(keys.utf8)
        _ = write(ours, bytes, bytes.count)
    }

    func resize(_ size: Size) { Self.resize(ours, size) }

    private static func resize(_ descriptor: Int32, _ size: Size) {
        var size = winsize(ws_row: size.rows, ws_col: size.columns, ws_xpixel: 0, ws_ypixel: 0)
        _ = ioctl(descriptor, UInt(TIOCSWINSZ), &size)
    }

    func signal(_ number: Int32) { group.signal(number) }

    /// Whether the terminal gives lines as a whole, shows what is typed, and makes signals of keys: as it was at first.
    var isAsUsual: Bool {
        var settings = termios()
        tcgetattr(theirs, &settings)
        let usual = tcflag_t(ICANON | ECHO | ISIG)
        return settings.c_lflag & usual == usual
    }

    /// Waits until it has ended, and returns its exit status, or the number of the signal that ended it, negative.
    func waitForEnd(by deadline: Deadline = .after(.seconds(30))) throws -> Int32 {
        try group.waitForEnd(of: id, by: deadline)
    }
}
