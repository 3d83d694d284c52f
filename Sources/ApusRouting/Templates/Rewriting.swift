/// How the path that the origin gets is made from the one that came. The query stays.
public enum PathRewrite: Sendable, Equatable {
    /// The prefix that the route matched is replaced by this one, which begins with a slash; `/` strips it.
    case prefix([UInt8])
    /// The whole path is this; it begins with a slash.
    case template(TextTemplate)

    /// The whole path that the origin gets; filled, it begins with a slash, or is empty and stands for `/`.
    public var wholePath: TextTemplate {
        switch self {
        case .prefix(let prefix):
            let text = prefix.last == .slash ? Array(prefix.dropLast()) : prefix
            return TextTemplate((text.isEmpty ? [] : [.literal(text)]) + [.variable(.rest)])
        case .template(let template):
            switch template.pieces.first {
            case .literal(let text) where text.first == .slash: return template
            case .variable(.path), .variable(.rest): return template
            default: return TextTemplate([.literal([.slash])] + template.pieces)
            }
        }
    }
}

/// A change to the header fields of a request or response. Of a list, what sets and removes is carried out before what
/// adds, whatever their order.
public enum FieldEdit: Sendable, Equatable {
    /// The field has this value and no other.
    case set(name: String, TextTemplate)
    /// One more field line of that name.
    case add(name: String, TextTemplate)
    case remove(name: String)

    public var name: String {
        switch self {
        case .set(let name, _), .add(let name, _), .remove(let name): name
        }
    }

    /// What the field's lines say; nil where there are none.
    public var value: TextTemplate? {
        switch self {
        case .set(_, let value), .add(_, let value): value
        case .remove: nil
        }
    }

    /// Whether what there is of the field goes.
    public var replaces: Bool { if case .add = self { false } else { true } }

    /// Whether it leaves alone what frames the message, belongs to its connection (RFC 9110 section 7.6.1, RFC 9112
    /// section 6), or has a rule of its own (Host). What does not is not carried out.
    ///
    /// Names are compared folded, as origins may.
    public var isAllowed: Bool { !Self.refused.contains(foldedName) }

    /// The name in lower case, with a hyphen for every character that is not a letter or digit.
    public var foldedName: String {
        String(
            decoding: name.lowercased().utf8.map { byte in
                (0x61...0x7a).contains(byte) || (0x30...0x39).contains(byte) ? byte : UInt8(ascii: "-")
            }, as: UTF8.self)
    }

    private static let refused: Set = [
        "connection", "content-length", "transfer-encoding", "host", "upgrade", "te", "trailer", "keep-alive",
        "proxy-connection",
    ]
}

/// Text with places that are filled from the request.
public struct TextTemplate: Sendable, Equatable {
    public enum Piece: Sendable, Equatable {
        case literal([UInt8])
        case variable(Variable)
    }

    /// What a place is filled with; nothing where the request has no such thing.
    public enum Variable: Sendable, Hashable {
        /// `http` or `https`.
        case scheme
        /// The request's host, without its port.
        case host
        /// The request's path in its normal form, or as it came with `PathRule.literal`.
        case path
        /// The query with its question mark; nothing when there is none.
        case query
        case method
        /// The client's address, seen through trusted proxies.
        case client
        /// What lies below the prefix that the route matched, with its slash; nothing for other routes.
        case rest
        /// What a named part of the route's path pattern or regular expression matched.
        case capture(String)
    }

    /// Bytes that rewriting may add to one head: heads have a limit also where they are made. With more, the request is
    /// refused (431).
    public static let limit = 16 << 10

    public var pieces: [Piece]

    public init(_ pieces: [Piece]) { self.pieces = pieces }

    /// Text that depends on nothing.
    public init(literal: String) { pieces = literal.isEmpty ? [] : [.literal(Array(literal.utf8))] }
}

extension TextTemplate.Variable {
    /// What counts against `TextTemplate.limit`, where that is not the length of what is filled in but the most that it may
    /// be.
    public var room: Int? {
        switch self {
        case .scheme: 5
        case .client: 45
        default: nil
        }
    }
}
