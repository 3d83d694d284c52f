import Foundation
import Synchronization

/// Writes a message for a person to standard error.
func complain(_ message: String) { complain(exactly: "apus: \(message)") }

/// Writes text to standard error that says by itself where it is from.
func complain(exactly text: String) {
    FileHandle.standardError.write(Data("\(text)\n".utf8))
    lastWords.withLock { $0.append(text) }
}

/// What this process has complained of. One that cannot take over from another says so to whoever asked for it.
var complaints: String { lastWords.withLock { $0.joined(separator: "\n") } }

private let lastWords = Mutex<[String]>([])
