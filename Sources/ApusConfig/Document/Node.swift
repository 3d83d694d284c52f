/// A value of the document with its place: what YAML's syntax says, before anything is known about its meaning.
struct Node: Sendable {
    enum Content: Sendable {
        case scalar(Scalar)
        case sequence([Node])
        /// In the order of the file; no key twice.
        case mapping([Entry])
    }

    struct Scalar: Sendable {
        let text: String
        /// Quoted or a block scalar: text, whatever it looks like.
        let isQuoted: Bool
        /// The text before variables of the environment were filled in; nil when there are none.
        var written: String?
        /// What stands here cannot be known, and why not has been told: a variable that is not set.
        var isUnknown = false
    }

    struct Entry: Sendable {
        let key: Located<String>
        let value: Node
    }

    let content: Content
    let position: SourcePosition

    init(content: Content, position: SourcePosition) {
        self.content = content
        self.position = position
    }

    /// A text that stands for itself, such as a key that is read as a value.
    init(text: String, position: SourcePosition) {
        self.init(content: .scalar(Scalar(text: text, isQuoted: false)), position: position)
    }

    /// Whether what stands here cannot be known: readers give nil, and say nothing more about it.
    var isUnknown: Bool {
        if case .scalar(let scalar) = content { scalar.isUnknown } else { false }
    }

    /// Nothing was written, or `null`.
    var isNull: Bool {
        if case .scalar(let scalar) = content {
            !scalar.isQuoted && !scalar.isUnknown && scalar.text.utf8.count <= 4
                && ["", "~", "null", "Null", "NULL"].contains(scalar.text)
        } else {
            false
        }
    }

    /// The text of a scalar that was not quoted.
    var plainText: String? {
        if case .scalar(let scalar) = content, !scalar.isQuoted, !scalar.isUnknown { scalar.text } else { nil }
    }

    /// The text of a scalar that was not quoted, as it stands in the file: what advice may repeat. The environment's values
    /// may be nobody's business.
    var repeatableText: String? {
        if case .scalar(let scalar) = content, scalar.written == nil, !isNull { plainText } else { nil }
    }

    /// The text of a scalar, quoted or not; nil for nothing, a list or a mapping.
    var text: String? {
        if case .scalar(let scalar) = content, !isNull, !scalar.isUnknown { scalar.text } else { nil }
    }

    /// What this is, for a message: "found ...".
    var described: String {
        switch content {
        // The environment's values may be nobody's business.
        case .scalar(let scalar) where scalar.written != nil:
            "the value of \(Self.quoted(scalar.written ?? "", by: "`"))"
        case .scalar where isNull: "nothing"
        case .scalar(let scalar) where scalar.isQuoted: "the quoted text \(Self.quoted(scalar.text, by: "\""))"
        case .scalar(let scalar): Self.quoted(scalar.text, by: "`")
        case .sequence: "a list"
        case .mapping: "a mapping"
        }
    }

    /// How much of a text is quoted.
    static let quotedLength = 60

    /// The beginning of `text` on one line, between quotation marks.
    static func quoted(_ text: String, by mark: String) -> String {
        let line = text.prefix { !$0.isNewline }
        let cut = line.prefix(quotedLength)
        return mark + cut + (cut.endIndex == text.endIndex ? "" : "...") + mark
    }
}
