import Apus
import ApusProcess
import Foundation
import Synchronization

/// Writes a message for a person to standard error.
func complain(_ message: String, _ severity: Journal.Severity = .error) {
    complain(exactly: "apus: \(message)", severity)
}

/// Writes text to standard error that says by itself where it is from.
///
/// - Parameter severity: for the journal, where standard error goes there.
func complain(exactly text: String, _ severity: Journal.Severity = .error) {
    let lines = Journal.hasStandardError ? Journal.lines(text, severity) : text
    if LogStream.isInUse.load(ordering: .relaxed) {
        // Behind what has been logged, and without waiting for a reader.
        LogStream().write("\(lines)\n")
    } else {
        // At the beginning there must be no other thread yet.
        FileHandle.standardError.write(Data("\(LogStream.shown(lines))\n".utf8))
    }
    lastWords.withLock { $0.append(text) }
}

/// What this process has complained of. One that cannot take over from another says so to whoever asked for it.
var complaints: String { lastWords.withLock { $0.joined(separator: "\n") } }

private let lastWords = Mutex<[String]>([])
