/// The diagnostics found so far.
struct Findings: Sendable {
    let source: Source
    private var diagnostics: [Diagnostic] = []
    private var known: Set<Diagnostic> = []

    private var document: Node?
    /// Made when there is something to tell: most files are not looked through for secrets.
    private var secrets: SecretMask?

    init(source: Source) { self.source = source }

    /// Keeps the secrets of the document out of what is found from now on.
    mutating func hideSecrets(of document: Node) {
        self.document = document
        secrets = nil
    }

    mutating func error(_ message: String, at position: SourcePosition, note: String? = nil) {
        add(.error, message, position, note)
    }

    mutating func warning(_ message: String, at position: SourcePosition) {
        add(.warning, message, position, nil)
    }

    var hasErrors: Bool { diagnostics.contains { $0.severity == .error } }

    /// By position; those of one place in the order in which they were found.
    var inOrder: [Diagnostic] {
        diagnostics.enumerated()
            .sorted { ($0.element.position, $0.offset) < ($1.element.position, $1.offset) }
            .map(\.element)
    }

    private mutating func add(
        _ severity: Diagnostic.Severity, _ message: String, _ position: SourcePosition, _ note: String?
    ) {
        let mask = secrets ?? SecretMask(source, document)
        secrets = mask
        let diagnostic = Diagnostic(
            file: source.file, position: position, severity: severity, message: mask.masked(message),
            sourceLine: mask.masked(line: source.line(position.line), number: position.line), note: note)
        // An anchor's mapping is decoded wherever an alias repeats it; its mistakes are told once.
        if known.insert(diagnostic).inserted { diagnostics.append(diagnostic) }
    }
}
