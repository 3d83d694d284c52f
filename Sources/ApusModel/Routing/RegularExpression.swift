/// A regular expression over bytes, matched in time linear in the text.
public struct RegularExpression: Sendable, Equatable {
    /// As it was written.
    public let text: String

    /// - Throws: what is wrong with it, and where.
    public init(_ text: String) throws(RegularExpressionError) { self.text = text }

    /// The names of its named captures, in the order in which they stand.
    public var captureNames: [String] { [] }

    /// Whether it is found anywhere in `bytes`, unless it says where (`^`, `$`).
    public func matches(_ bytes: Span<UInt8>) -> Bool { false }

    /// Whether it matches all of `bytes`.
    public func matchesWhole(_ bytes: Span<UInt8>) -> Bool { false }

    /// What each named capture takes of the first match; nil when there is none.
    public func captures(in bytes: Span<UInt8>) -> [Range<Int>?]? { nil }
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
