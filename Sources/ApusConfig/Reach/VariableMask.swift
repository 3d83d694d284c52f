/// Keeps the values of variables of the environment out of what is said: messages and comparisons show `${NAME}`.
public struct VariableMask: Sendable, Equatable {
    /// The values, the longest first.
    private var values: [(value: String, name: String)] = []

    /// A shorter value is hidden only where it is all that is quoted: it could stand anywhere.
    private static let shortest = 4

    public init() {}

    public static func == (left: VariableMask, right: VariableMask) -> Bool {
        left.values.elementsEqual(right.values) { $0 == $1 }
    }

    mutating func add(_ value: String, of name: String) {
        guard !value.isEmpty, !values.contains(where: { $0.value == value }) else { return }
        let index = values.firstIndex { $0.value.utf8.count < value.utf8.count } ?? values.count
        values.insert((value, name), at: index)
    }

    /// These, and those of `other`.
    public func joined(with other: VariableMask) -> VariableMask {
        var joined = self
        for (value, name) in other.values { joined.add(value, of: name) }
        return joined
    }

    /// `text` with each value in it replaced by `${NAME}`.
    public func masked(_ text: String) -> String {
        guard !values.isEmpty else { return text }
        var shown = text
        for (value, name) in values {
            if value.utf8.count >= Self.shortest {
                shown = shown.replacingWord(value, with: "${\(name)}")
            } else {
                for quote in ["`", "\""] {
                    shown = shown.replacing(quote + value + quote, with: "\(quote)${\(name)}\(quote)")
                }
            }
        }
        return shown
    }
}

extension String {
    /// Replaces `word` where it is not part of a longer one.
    fileprivate func replacingWord(_ word: String, with replacement: String) -> String {
        guard firstRange(of: word) != nil else { return self }
        var shown = ""
        var rest = self[...]
        while let found = rest.firstRange(of: word) {
            let before = rest[..<found.lowerBound].last ?? shown.last
            let after = rest[found.upperBound...].first
            let isWhole = !(before.map(\.isPartOfWord) ?? false) && !(after.map(\.isPartOfWord) ?? false)
            shown += rest[..<found.lowerBound] + (isWhole ? replacement : word)
            rest = rest[found.upperBound...]
        }
        return shown + rest
    }
}

extension Character {
    fileprivate var isPartOfWord: Bool { isLetter || isNumber || self == "_" }
}
