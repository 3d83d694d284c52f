/// What may stand for a key: the JSON Schema and the reference are made from it.
indirect enum Shape: Sendable {
    /// Any text; the pattern is a regular expression that it must match.
    case text(pattern: String? = nil)
    case integer(ClosedRange<Int>)
    /// One of a few whole numbers.
    case numbers([Int])
    case decimal(ClosedRange<Double>)
    case percent(ClosedRange<Int>)
    case duration(ClosedRange<Duration>)
    /// A number of bytes.
    case size(ClosedRange<Int>)
    /// A status, a range, or a list of those.
    case statuses(ClosedRange<Int>)
    case words([String])
    case flag
    /// One of the shared shapes.
    case named(SharedShape)
    case list(of: Shape)
    /// Names that the author chooses, each with such a value.
    case names(of: Shape)
    case section([KeyDescription])
    case either([Shape])

    /// `off`, a word, or this.
    func or(_ words: String...) -> Shape { .either([.words(words), self]) }
    /// This, or a list of it.
    var oneOrMore: Shape { .either([self, .list(of: self)]) }
}

/// The shapes that the JSON Schema defines once.
enum SharedShape: String, CaseIterable, Sendable {
    case duration, secret, address, path, name, network, condition, variable
}
