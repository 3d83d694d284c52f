import Apus
import ApusProcess
import Glibc
import Logging
import Synchronization

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
        LogStream().write("\(lines)\n")
    }

    private func text(_ event: LogEvent) -> String {
        var values = metadata
        for more in [metadataProvider?.get(), event.metadata] { values.merge(more ?? [:]) { $1 } }
        if let error = event.error { values["error"] = "\(error)" }
        let facts = values.sorted { $0.key < $1.key }.map { " \($0)=\($1)" }.joined()
        return "\(event.message)\(facts)"
    }
}

/// Where log lines are written: to standard error, without waiting for its reader, and with what a terminal would take for
/// an order written so that it can be read.
struct LogStream: TextOutputStream, Sendable {
    /// Whether what is written to standard error goes this way: from when the process may have threads.
    static let isInUse = Atomic(false)

    func write(_ text: String) { LineQueue.standardError.write(Self.shown(text)) }

    static func shown(_ text: String) -> String { text.escapingControls(keeping: ["\n", "\t"]) }
}

extension LoggingSystem {
    /// What is logged goes to standard error, for a person or for the journal.
    static func useStandardError() {
        LogStream.isInUse.store(true, ordering: .relaxed)
        // However the process ends, its last lines are written if somebody reads them.
        atexit { LineQueue.standardError.flush() }
        bootstrap { label in
            if Journal.hasStandardError { return JournalLogHandler() }
            return StreamLogHandler(label: label, stream: LogStream())
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
