import ApusProcess
import Dispatch
import Foundation
import UnixSignals

/// The terminal that the program was started in: its whole screen, and the keys that are pressed.
struct Terminal {
    /// Nil where output or input is no terminal, or one that cannot move its cursor.
    init?() {
        guard isatty(STDOUT_FILENO) == 1, isatty(STDIN_FILENO) == 1,
            ProcessInfo.processInfo.environment["TERM"] != "dumb"
        else { return nil }
    }

    /// Takes the screen for as long as `body` runs: what stood there before comes back, whatever happens; also when
    /// somebody ends the process by SIGTERM, SIGINT or SIGHUP. Nothing else may be printed meanwhile: it would be lost.
    func occupied<Failure>(_ body: () async throws(Failure) -> Void) async throws(Failure) {
        TerminalMode.singleKeys(true)
        // The alternate screen; no cursor.
        write("\u{1b}[?1049h\u{1b}[?25l")
        let signals = await UnixSignalsSequence(trapping: .sigterm, .sigint, .sighup)
        let ending = Task {
            for await signal in signals {
                giveBack()
                // As shells see those that a signal has ended.
                exit(128 + signal.rawValue)
            }
        }
        defer {
            ending.cancel()
            giveBack()
        }
        try await body()
    }

    private func giveBack() {
        write("\u{1b}[?25h\u{1b}[?1049l")
        TerminalMode.singleKeys(false)
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

    /// What a wait has ended with.
    enum Happening {
        /// `q` or Ctrl-C was pressed, or there is no input any more.
        case end
        case otherSize
        case timeIsOver
    }

    /// Waits until something happens, or the time is there. That the terminal has another size is seen a moment late.
    func wait(until deadline: ContinuousClock.Instant) async -> Happening {
        let columnsAndRows = size
        while ContinuousClock.now < deadline {
            let left = min(250, Int((deadline - .now) / .milliseconds(1)) + 1)
            let key = await withCheckedContinuation { continuation in
                DispatchQueue.global().async { continuation.resume(returning: TerminalMode.key(milliseconds: left)) }
            }
            if let key, key == UInt8(ascii: "q") || key == 3 || key == 4 { return .end }
            if size != columnsAndRows { return .otherSize }
        }
        return .timeIsOver
    }

    private func write(_ text: String) { FileHandle.standardOutput.write(Data(text.utf8)) }
}
