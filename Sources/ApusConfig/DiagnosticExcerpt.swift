/// What is told where there may be thousands of diagnostics: the first errors, the first warnings, and how many more there
/// are.
///
/// Errors and warnings are counted apart, so that many of the one never hide the other.
public struct DiagnosticExcerpt: Sendable {
    /// Errors, and warnings, of which as many are told.
    public static let limit = 100

    /// In the order in which they were given.
    public let shown: [Diagnostic]
    /// Those that are not among `shown`.
    public let omittedErrors: Int
    public let omittedWarnings: Int

    /// - Parameter limit: as many errors, and as many warnings, are shown; nil for all.
    public init(_ diagnostics: [Diagnostic], limit: Int? = DiagnosticExcerpt.limit) {
        var errors = 0
        var warnings = 0
        shown = diagnostics.filter { diagnostic in
            switch diagnostic.severity {
            case .error:
                errors += 1
                return errors <= limit ?? .max
            case .warning:
                warnings += 1
                return warnings <= limit ?? .max
            }
        }
        omittedErrors = limit.map { max(0, errors - $0) } ?? 0
        omittedWarnings = limit.map { max(0, warnings - $0) } ?? 0
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
