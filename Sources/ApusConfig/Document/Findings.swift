/// The diagnostics found so far, and the files that they are about.
struct Findings: Sendable {
    /// The files in the order of reading; a position's `source` is an index into these.
    private(set) var sources: [Source] = []
    private var diagnostics: [(position: SourcePosition, diagnostic: Diagnostic)] = []
    private var known: Set<Diagnostic> = []
    private(set) var hasErrors = false
    /// What has been used beyond the files' own texts.
    private(set) var uses: Set<ReachUse> = []
    /// Those of them that a pattern lent.
    private(set) var lent: Set<ReachUse> = []
    /// The values that have been filled in for variables.
    private(set) var variables = VariableMask()

    /// Takes numbers beyond their bounds, so that tests see what else refuses them.
    var ignoresBounds = false

    /// Per source, its document; nil when it could not be read.
    private var documents: [Node?] = []
    /// The line that was quoted last.
    private var lastLine: (line: Int, source: Int32, text: StarredLine)?
    /// Made when there is something to tell: most files are not looked through for secrets.
    private var mask: SecretMask?

    init() {}

    /// Whether a number that was written may be taken.
    func takes<Value: Comparable>(_ value: Value, in bounds: ClosedRange<Value>) -> Bool {
        ignoresBounds || bounds.contains(value)
    }

    /// - Returns: its index.
    mutating func add(_ source: Source) -> Int32 {
        sources.append(source)
        documents.append(nil)
        mask?.append(source)
        return Int32(sources.count - 1)
    }

    /// Keeps the secrets of a source's document out of what is found from now on.
    mutating func hideSecrets(of document: Node, in source: Int32 = 0) {
        documents[Int(source)] = document
        mask?.hide(document)
    }

    mutating func note(_ use: ReachUse, _ grant: ReachLimit.Grant?) {
        uses.insert(use)
        if grant == .pattern { lent.insert(use) }
    }

    /// - Parameter value: nil when it is not set.
    mutating func noteVariable(_ name: String, _ value: String?, place: String, in text: String) {
        uses.insert(.variable(name, place: place, text: text))
        if let value { variables.add(value, of: name) }
    }

    /// - Parameter isPassing: the file may be right, and the same file may be taken later.
    mutating func error(
        _ message: String, at position: SourcePosition, note: String? = nil, isPassing: Bool = false
    ) {
        hasErrors = true
        add(.error, message, position, note, isPassing: isPassing)
    }

    /// - Parameter isAdvice: it is said at a check or a start alone.
    mutating func warning(_ message: String, at position: SourcePosition, isAdvice: Bool = false) {
        add(.warning, message, position, nil, isAdvice: isAdvice)
    }

    /// By file and position; those of one place in the order in which they were found.
    var inOrder: [Diagnostic] {
        diagnostics.enumerated()
            .sorted { ($0.element.position, $0.offset) < ($1.element.position, $1.offset) }
            .map(\.element.diagnostic)
    }

    /// In order, with nothing of what the sources say that may not be quoted: of those it is told how many mistakes they
    /// have.
    func inOrder(mayQuote: (Source) -> Bool) -> [Diagnostic] {
        let isQuoted = sources.map(mayQuote)
        var shown: [Diagnostic] = []
        var told: Set<Int32> = []
        let sorted = diagnostics.enumerated().sorted {
            ($0.element.position, $0.offset) < ($1.element.position, $1.offset)
        }
        for (position, diagnostic) in sorted.map(\.element) {
            if isQuoted[Int(position.source)] {
                shown.append(diagnostic)
            } else if told.insert(position.source).inserted {
                shown.append(concealed(position.source))
            }
        }
        return shown
    }

    /// All that is said of a source that may not be quoted.
    private func concealed(_ source: Int32) -> Diagnostic {
        let own = diagnostics.filter { $0.position.source == source }.map(\.diagnostic)
        let errors = own.count { $0.severity == .error }
        let (count, noun) = errors > 0 ? (errors, "error") : (own.count, "warning")
        return Diagnostic(
            file: sources[Int(source)].file, position: .start, severity: errors > 0 ? .error : .warning,
            message:
                "\(count) \(noun)\(count == 1 ? " was" : "s were") found in this file, which is not quoted here: it "
                + "was not sent, and does not run; look at it with `apus check` on its machine", sourceLine: "")
    }

    private mutating func add(
        _ severity: Diagnostic.Severity, _ message: String, _ position: SourcePosition, _ note: String?,
        isPassing: Bool = false, isAdvice: Bool = false
    ) {
        let mask = self.mask ?? SecretMask(sources, documents.compactMap(\.self))
        self.mask = mask
        let source = source(of: position)
        if lastLine?.line != position.line || lastLine?.source != position.source {
            lastLine = (position.line, position.source, StarredLine(mask.starred(source.line(position.line))))
        }
        let (line, column) = mask.masked(
            lastLine?.text ?? StarredLine(""), around: position.column, number: position.line,
            source: Int(position.source))
        var diagnostic = Diagnostic(
            file: source.file, position: position.withoutSource, severity: severity,
            message: Diagnostic.clipped(variables.masked(mask.masked(message))), sourceLine: line,
            sourceColumn: column, note: note.map { Diagnostic.shortened(variables.masked($0), to: 4096) })
        diagnostic.isPassing = isPassing
        diagnostic.isAdvice = isAdvice
        // An anchor's mapping is decoded wherever an alias repeats it; its mistakes are told once.
        if known.insert(diagnostic).inserted { diagnostics.append((position, diagnostic)) }
    }
}

extension Findings {
    /// About one file that stands by itself.
    init(source: Source) {
        self.init()
        _ = add(source)
    }

    /// The first file.
    var source: Source { sources[0] }

    func source(of position: SourcePosition) -> Source { sources[Int(position.source)] }

    /// `line 12`, or `pools.yaml:12` when that is another file than the reader is looking at.
    func told(_ position: SourcePosition, from reader: SourcePosition) -> String {
        position.source == reader.source
            ? "line \(position.line)" : "\(source(of: position).file):\(position.line)"
    }

    /// The place of `part`, the `offset`-th character of a text that begins at `position`.
    ///
    /// Where the text does not stand on its line as it is (it has escapes, or goes on below) this is where it begins.
    func position(of text: String, offset: Int, at position: SourcePosition) -> SourcePosition {
        let rest = source(of: position).text(from: position)
        // A quote may stand before it; anything further away is another text that looks alike.
        for skipped in 0...1 {
            let scalars = rest.unicodeScalars.dropFirst(skipped)
            if scalars.starts(with: text.unicodeScalars) { return position.moved(by: skipped + offset) }
        }
        return position
    }
}
