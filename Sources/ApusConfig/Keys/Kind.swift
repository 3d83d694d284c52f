/// A kind of values: how one is read, told again, and described.
struct Kind<Value: Sendable>: Sendable {
    let shape: Shape
    /// What the reference calls the values; nil for what the shape says.
    var words: String?
    /// The value of a field; nil when it is wrong, with an error in the findings.
    let read: @Sendable (Field, inout Findings) -> Value?
    /// The value in the words of the configuration; nil when there is nothing to tell.
    let told: @Sendable (Value) -> Settings.Value?

    init(
        _ shape: Shape, words: String? = nil, told: @escaping @Sendable (Value) -> Settings.Value?,
        read: @escaping @Sendable (Field, inout Findings) -> Value?
    ) {
        self.shape = shape
        self.words = words
        self.told = told
        self.read = read
    }

    /// The kind by another name in the reference.
    func called(_ words: String) -> Kind<Value> {
        var kind = self
        kind.words = words
        return kind
    }

    /// A value that may be missing: there is nothing to tell then, and no word that says so.
    var ifWritten: Kind<Value?> {
        Kind<Value?>(
            shape, words: words, told: { $0.flatMap(told) },
            read: { field, findings in
                read(field, &findings).map { .some($0) }
            })
    }

    /// A value that may be missing, for which `word` stands.
    func or(_ word: String) -> Kind<Value?> {
        Kind<Value?>(
            shape.or(word), words: words.map { "\($0), or `\(word)`" },
            told: { $0.map(told) ?? .word(word) },
            read: { field, findings in
                var field = field
                field.alternative = word
                if field.node.plainText == word { return .some(nil) }
                return read(field, &findings).map { .some($0) }
            })
    }

    /// The kind, or a word that stands for one of the values.
    func or(_ word: String, meaning value: Value) -> Kind<Value> where Value: Equatable {
        Kind(
            shape.or(word), words: words.map { "\($0), or `\(word)`" },
            told: { $0 == value ? .word(word) : told($0) },
            read: { field, findings in
                var field = field
                field.alternative = word
                return field.node.plainText == word ? value : read(field, &findings)
            })
    }

    /// The same values as another type has them.
    func mapped<Other: Sendable>(
        _ make: @escaping @Sendable (Value) -> Other, back: @escaping @Sendable (Other) -> Value
    ) -> Kind<Other> {
        Kind<Other>(
            shape, words: words, told: { told(back($0)) },
            read: { field, findings in
                read(field, &findings).map(make)
            })
    }
}
