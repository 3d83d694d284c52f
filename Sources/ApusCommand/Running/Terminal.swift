import ApusProcess
import Dispatch
import Foundation

/// The terminal that the program was started in: its whole screen, and the keys that are pressed.
struct Terminal {
    /// Nil where output or input is no terminal, or one that cannot move its cursor.
    init?() {
        guard isatty(STDOUT_FILENO) == 1, isatty(STDIN_FILENO) == 1,
            ProcessInfo.processInfo.environment["TERM"] != "dumb"
        else { return nil }
    }

    /// Takes the screen for as long as `body` runs: what stood there before comes back, whatever happens.
    func occupied(_ body: () async throws -> Void) async throws {
        TerminalMode.singleKeys(true)
        // The alternate screen; no cursor.
        write("\u{1b}[?1049h\u{1b}[?25l")
        defer {
            write("\u{1b}[?25h\u{1b}[?1049l")
            TerminalMode.singleKeys(false)
        }
        try await body()
    }

    /// Its size now; 80 by 24 where it does not say.
    var size: (columns: Int, rows: Int) { TerminalMode.size() ?? (80, 24) }

    /// Shows the lines in place of what was there. Nothing flickers: each line is written over the one before it.
    func draw(_ lines: [String]) {
        write(
            "\u{1b}[H"
                + lines.enumerated().map { index, line in
                    // What is the whole stands out.
                    index == 0 ? "\u{1b}[1m\(line)\u{1b}[0m\u{1b}[K" : "\(line)\u{1b}[K"
                }.joined(separator: "\r\n") + "\u{1b}[J")
    }

    /// Waits, until `q` or Ctrl-C is pressed or the time is over. Whether it was pressed.
    func waitForEnd(seconds: Double) async -> Bool {
        let deadline = ContinuousClock.now + .seconds(seconds)
        while ContinuousClock.now < deadline {
            let left = Int((deadline - .now) / .milliseconds(1)) + 1
            let key = await withCheckedContinuation { continuation in
                DispatchQueue.global().async { continuation.resume(returning: TerminalMode.key(milliseconds: left)) }
            }
            if let key, key == UInt8(ascii: "q") || key == 3 || key == 4 { return true }
        }
        return false
    }

    private func write(_ text: String) { FileHandle.standardOutput.write(Data(text.utf8)) }
}
