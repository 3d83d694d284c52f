/// Keeps the values of variables of the environment out of what is said: messages and comparisons show `${NAME}`.
public struct VariableMask: Sendable, Equatable {
    /// The longest first.
    private var values: [Value] = []

    /// A shorter value is hidden only where it is all that is quoted: it could stand anywhere.
    private static let shortest = 3

    private struct Value: Sendable, Equatable {
        /// In lower case: host names and the like are shown so.
        var bytes: [UInt8]
        var name: [UInt8]
    }

    public init() {}

    mutating func add(_ value: String, of name: String) {
        let name = Array(name.utf8)
        // As it is, and as it is quoted: quotes and control characters as escapes, braces of templates twice.
        for value in [value, value.replacing("{", with: "{{")] {
            add(Array(value.utf8), name)
            add(Array(value.debugDescription.utf8.dropFirst().dropLast()), name)
        }
    }

    private mutating func add(_ value: [UInt8], _ name: [UInt8]) {
        let bytes = value.map(Self.lowercased)
        guard !bytes.isEmpty, !values.contains(where: { $0.bytes == bytes }) else { return }
        let index = values.firstIndex { $0.bytes.count < bytes.count } ?? values.count
        values.insert(Value(bytes: bytes, name: name), at: index)
    }

    /// These, and those of `other`.
    public func joined(with other: VariableMask) -> VariableMask {
        var joined = self
        for value in other.values { joined.add(value.bytes, value.name) }
        return joined
    }

    /// `text` with each value in it replaced by `${NAME}`, wherever it stands, and in capitals or not.
    public func masked(_ text: String) -> String {
        guard !values.isEmpty else { return text }
        let bytes = Array(text.utf8)
        let folded = bytes.map(Self.lowercased)
        var shown: [UInt8] = []
        shown.reserveCapacity(bytes.count)
        var index = 0
        while index < bytes.count {
            if let end = endOfReference(in: bytes, at: index) {
                shown += bytes[index..<end]
                index = end
            } else if let (end, name) = value(in: folded, at: index) {
                shown += Array("${".utf8) + name + Array("}".utf8)
                index = end
            } else {
                shown.append(bytes[index])
                index += 1
            }
        }
        return String(decoding: shown, as: UTF8.self)
    }

    /// Where the value ends that begins there, and what it is called.
    private func value(in text: [UInt8], at index: Int) -> (end: Int, name: [UInt8])? {
        for value in values where value.bytes[0] == text[index] {
            let common = zip(value.bytes, text[index...]).prefix { $0 == $1 }.count
            let end = index + common
            if common == value.bytes.count {
                if common >= Self.shortest || Self.isQuoted(index..<end, in: text) { return (end, value.name) }
            } else if common >= Self.shortest, ["...", "\"..."].contains(where: { text[end...].starts(with: $0.utf8) })
            {
                // What is long is quoted by its beginning.
                return (end, value.name)
            }
        }
        return nil
    }

    private static func isQuoted(_ range: Range<Int>, in text: [UInt8]) -> Bool {
        guard range.lowerBound > 0, range.upperBound < text.count else { return false }
        let quote = text[range.lowerBound - 1]
        return quote == text[range.upperBound] && (quote == UInt8(ascii: "`") || quote == UInt8(ascii: "\""))
    }

    /// Where a name ends that stands as `${NAME}` already, or as `${NAME:-`.
    private func endOfReference(in text: [UInt8], at index: Int) -> Int? {
        guard text[index...].starts(with: "${".utf8) else { return nil }
        let rest = text[(index + 2)...]
        for value in values where rest.starts(with: value.name) {
            let end = index + 2 + value.name.count
            if text[end...].starts(with: "}".utf8) { return end + 1 }
            if text[end...].starts(with: ":-".utf8) { return end }
        }
        return nil
    }

    private static func lowercased(_ byte: UInt8) -> UInt8 {
        UInt8(ascii: "A") <= byte && byte <= UInt8(ascii: "Z") ? byte | 0x20 : byte
    }
}
