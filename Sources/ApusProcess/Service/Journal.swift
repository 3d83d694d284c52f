import CApusSystem
import Glibc

/// The journal of systemd, where standard error is connected to it.
///
/// It keeps the time of each line and the process that wrote it, and takes a line's severity from its beginning:
/// `<3>no such file` (sd-daemon(3)). So `journalctl -p warning` finds what matters, and a syslog daemon that the journal
/// forwards to does, too.
public enum Journal {
    /// How much a line matters, by the numbers of RFC 5424, section 6.2.1.
    public enum Severity: Int, Sendable {
        case critical = 2
        case error = 3
        case warning = 4
        /// Normal, and worth knowing.
        case notice = 5
        case information = 6
        case debug = 7
    }

    /// Whether standard error goes to the journal.
    public static let hasStandardError = isConnected(STDERR_FILENO, stream: environmentVariable("JOURNAL_STREAM"))

    /// Whether the descriptor is the stream that systemd says it has connected (systemd.exec(5), `$JOURNAL_STREAM`):
    /// device and inode. The variable alone says nothing, as it remains when somebody redirects the stream.
    static func isConnected(_ descriptor: Int32, stream: String?) -> Bool {
        var status = stat()
        guard let stream, unsafe fstat(descriptor, &status) == 0 else { return false }
        return stream == "\(status.st_dev):\(status.st_ino)"
    }

    /// The text with its severity before each line: each is an entry of its own to the journal.
    public static func lines(_ text: some StringProtocol, _ severity: Severity) -> String {
        text.split(separator: "\n", omittingEmptySubsequences: false).map { "<\(severity.rawValue)>\($0)" }
            .joined(separator: "\n")
    }
}
