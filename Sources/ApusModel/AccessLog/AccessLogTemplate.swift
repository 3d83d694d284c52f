/// A line of the access log in the user's own words: text with fields in braces, such as `{client} {status}`.
///
/// `{{` stands for a brace. A field that a request has no value for is written as `-`; what clients and origins chose
/// is escaped as in the Combined Log Format.
public struct AccessLogTemplate: Sendable, Equatable {
    public enum Piece: Sendable, Equatable {
        case text(String)
        case field(AccessLogField)
    }

    /// What was parsed.
    public let text: String
    /// No two texts stand next to each other.
    public let pieces: [Piece]

    /// - Throws: the first thing in `text` that makes it no template.
    public init(_ text: String) throws(AccessLogTemplateError) {
        self.text = text
        pieces = try Self.pieces(of: text.unicodeScalars)
        let hasField = pieces.contains { if case .field = $0 { true } else { false } }
        guard hasField else { throw .noField }
    }

    private static func pieces(
        of scalars: String.UnicodeScalarView
    ) throws(AccessLogTemplateError) -> [Piece] {
        var pieces: [Piece] = []
        var literal = String.UnicodeScalarView()
        var position = scalars.startIndex
        func offset(_ index: String.Index) -> Int { scalars.distance(from: scalars.startIndex, to: index) }
        while position < scalars.endIndex {
            let scalar = scalars[position]
            let next = scalars.index(after: position)
            guard scalar.value >= 0x20, scalar.value != 0x7f else { throw .controlCharacter(offset: offset(position)) }
            guard scalar == "{" else {
                literal.append(scalar)
                position = next
                continue
            }
            if next < scalars.endIndex, scalars[next] == "{" {
                literal.append("{")
                position = scalars.index(after: next)
                continue
            }
            guard let end = scalars[next...].firstIndex(of: "}") else { throw .unclosedBrace(offset: offset(position)) }
            let name = String(scalars[next..<end])
            guard let field = AccessLogField(rawValue: name) else {
                throw .unknownField(name, offset: offset(next))
            }
            if !literal.isEmpty { pieces.append(.text(String(literal))) }
            literal = String.UnicodeScalarView()
            pieces.append(.field(field))
            position = scalars.index(after: end)
        }
        if !literal.isEmpty { pieces.append(.text(String(literal))) }
        return pieces
    }
}

/// Why a text is no template of the access log. Offsets count Unicode scalars from the text's beginning.
public enum AccessLogTemplateError: Error, Equatable, CustomStringConvertible {
    /// There is no such field; the offset is that of its name.
    case unknownField(String, offset: Int)
    /// The brace at the offset has no other.
    case unclosedBrace(offset: Int)
    /// A line break, or another character that would tear the line.
    case controlCharacter(offset: Int)
    /// It would write the same line for every request.
    case noField

    public var description: String {
        switch self {
        case .unknownField(let name, _): "the access log has no field `\(name)`"
        case .unclosedBrace: "a brace is opened here and not closed; `{{` stands for a brace"
        case .controlCharacter: "a line of the access log cannot hold control characters"
        case .noField: "the template names no field, such as `{status}`"
        }
    }
}
