/// What is told where there may be thousands of diagnostics: the first errors, the first warnings, and how many more there
/// are.
///
/// Errors and warnings are counted apart, so that many of the one never hide the other.
public struct DiagnosticExcerpt: Sendable {
    /// Errors, and warnings, of which as many are told.
    public static let limit = 100

    /// As many bytes, as they are rendered, are told in an answer, which says them twice.
    public static let bytes = 128 << 10
    /// As many are told in the log.
    public static let loggedBytes = 64 << 10

    /// In the order in which they were given.
    public let shown: [Diagnostic]
    /// Those that are not among `shown`.
    public let omittedErrors: Int
    public let omittedWarnings: Int

    /// - Parameters:
    ///   - limit: as many errors, and as many warnings, are shown; nil for all.
    ///   - bytes: as many bytes of both, two thirds of them errors, are shown where there is a limit.
    public init(
        _ diagnostics: [Diagnostic], limit: Int? = DiagnosticExcerpt.limit, bytes: Int = DiagnosticExcerpt.bytes
    ) {
        var errors = Budget(number: limit, bytes: bytes * 2 / 3)
        var warnings = Budget(number: limit, bytes: bytes / 3)
        shown = diagnostics.filter { diagnostic in
            diagnostic.severity == .error ? errors.takes(diagnostic) : warnings.takes(diagnostic)
        }
        omittedErrors = errors.omitted
        omittedWarnings = warnings.omitted
    }

    /// What may still be shown.
    private struct Budget {
        /// Nil for all.
        var number: Int?
        var bytes: Int
        var omitted = 0

        mutating func takes(_ diagnostic: Diagnostic) -> Bool {
            guard let left = number else { return true }
            if omitted == 0, left > 0 {
                bytes -= diagnostic.rendered.utf8.count
                number = left - 1
                if bytes >= 0 { return true }
            }
            omitted += 1
            return false
        }
    }

    /// `900 more errors and 1 more warning are not shown; ...`, with what shows them; nil when nothing was left out.
    public var omission: String? {
        let parts = [Self.counted(omittedErrors, "error"), Self.counted(omittedWarnings, "warning")]
            .compactMap(\.self)
        guard !parts.isEmpty else { return nil }
        let verb = omittedErrors + omittedWarnings == 1 ? "is" : "are"
        return "\(parts.joined(separator: " and ")) \(verb) not shown; `apus check --all` shows all"
    }

    private static func counted(_ number: Int, _ noun: String) -> String? {
        number == 0 ? nil : "\(number) more \(noun)\(number == 1 ? "" : "s")"
    }
}

extension DiagnosticExcerpt: CustomStringConvertible {
    /// Each with its source line, and what was left out.
    public var description: String {
        (shown.map(\.rendered) + [omission].compactMap(\.self)).joined(separator: "\n")
    }
}
