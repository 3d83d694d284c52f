/// A regular expression over bytes, matched in time linear in the text.
public struct RegularExpression: Sendable, Equatable {
    /// As it was written.
    public let text: String

    /// - Throws: what is wrong with it, and where.
    public init(_ text: String) throws(RegularExpressionError) { self.text = text }
}

/// Why a text is no regular expression that Apus matches.
public struct RegularExpressionError: Error, Sendable, Equatable {
    /// For people: what was found, what was expected.
    public var message: String
    /// Characters before it.
    public var offset: Int

    public init(message: String, offset: Int) {
        self.message = message
        self.offset = offset
    }
}
