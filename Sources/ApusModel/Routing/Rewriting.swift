/// How the path that the origin gets is made from the one that came. The query stays.
public enum PathRewrite: Sendable, Equatable {
    /// The prefix that the route matched is replaced by this one, which begins with a slash; `/` strips it.
    case prefix([UInt8])
    /// The whole path is this; it begins with a slash.
    case template(TextTemplate)
}

/// A change to the header fields of a request or response.
public enum FieldEdit: Sendable, Equatable {
    /// The field has this value and no other.
    case set(name: String, TextTemplate)
    /// One more field line of that name.
    case add(name: String, TextTemplate)
    case remove(name: String)
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
        /// The request's path as it came, normalized.
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

    public var pieces: [Piece]

    public init(_ pieces: [Piece]) { self.pieces = pieces }

    /// Text that depends on nothing.
    public init(literal: String) { pieces = literal.isEmpty ? [] : [.literal(Array(literal.utf8))] }
}
