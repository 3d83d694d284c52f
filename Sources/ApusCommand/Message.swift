import Foundation

/// Writes a message for a person to standard error.
func complain(_ message: String) {
    FileHandle.standardError.write(Data("apus: \(message)\n".utf8))
}
