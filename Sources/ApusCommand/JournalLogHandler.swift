import ApusProcess
import Foundation
import Logging

/// Writes to standard error as the journal of systemd has it: each line with its severity, and without the time, which
/// the journal knows.
struct JournalLogHandler: LogHandler {
    var logLevel = Logger.Level.info
    var metadata: Logger.Metadata = [:]
    var metadataProvider: Logger.MetadataProvider?

    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    func log(event: LogEvent) {
        let lines = Journal.lines(text(event), Journal.Severity(event.level))
        // In one piece, so that two threads' lines do not mix.
        FileHandle.standardError.write(Data("\(lines)\n".utf8))
    }

    private func text(_ event: LogEvent) -> String {
        var values = metadata
        for more in [metadataProvider?.get(), event.metadata] { values.merge(more ?? [:]) { $1 } }
        if let error = event.error { values["error"] = "\(error)" }
        let facts = values.sorted { $0.key < $1.key }.map { " \($0)=\($1)" }.joined()
        return "\(event.message)\(facts)"
    }
}

extension LoggingSystem {
    /// What is logged goes to standard error, for a person or for the journal.
    static func useStandardError() {
        bootstrap { label in
            if Journal.hasStandardError { return JournalLogHandler() }
            return StreamLogHandler.standardError(label: label)
        }
    }
}

extension Journal.Severity {
    fileprivate init(_ level: Logger.Level) {
        self =
            switch level {
            case .trace, .debug: .debug
            case .info: .information
            case .notice: .notice
            case .warning: .warning
            case .error: .error
            case .critical: .critical
            }
    }
}
