import ApusHTTP

/// What must hold of a piece of a header field's template once it is filled from a request: a client must not add
/// attributes to a cookie, nor choose the host of a link.
public struct FilledPieceCheck: BitwiseCopyable, Sendable, Equatable {
    public enum Kind: UInt8, BitwiseCopyable, Sendable {
        case none
        /// Part of a Set-Cookie field (RFC 6265 section 4.1).
        case cookiePart
        /// Part of a reference in Location, Content-Location, Link or Refresh that has said no host yet: what is written
        /// of it from its beginning to this piece must be a path.
        case reference
        /// Part of one that has said its host, and more.
        case restOfReference
        /// Part of a host's name, before a dot that the template writes.
        case label
        /// A port.
        case port
        /// What comes right behind a host: it must not be more of the host.
        case behindHost
        /// Part of Refresh before its `url=`: the delay.
        case delay
    }

    public var kind = Kind.none
    /// A reference begins with this piece, or this many bytes of literal text before it.
    public var begins = false
    public var literalCount: UInt8 = 0

    public init() {}

    init(_ kind: Kind, begins: Bool = false, literalCount: UInt8 = 0) {
        self.kind = kind
        self.begins = begins
        self.literalCount = literalCount
    }

    /// - Parameter text: the piece; for `reference`, what is written of the whole reference.
    public func allows(_ text: Span<UInt8>) -> Bool {
        switch kind {
        case .none: true
        case .cookiePart: WrittenText.isCookiePart(text)
        case .reference: WrittenText.isPathReference(text)
        case .restOfReference: !WrittenText.endsReference(text)
        case .label: WrittenText.isPartOfHost(text)
        case .port, .delay: WrittenText.isNumber(text)
        case .behindHost: WrittenText.endsHost(text) && !WrittenText.endsReference(text)
        }
    }
}

extension FieldEdit {
    /// One for each piece of its value; empty where nothing is to be checked.
    public var checks: [FilledPieceCheck] {
        guard let value else { return [] }
        switch foldedName {
        case "set-cookie": return value.pieces.map { $0.isLiteral ? FilledPieceCheck() : FilledPieceCheck(.cookiePart) }
        case "location", "content-location": return ReferenceReading(.start([])).checks(of: value)
        case "link": return ReferenceReading(.outside, isLink: true).checks(of: value)
        case "refresh": return ReferenceReading(.outside).checks(of: value)
        default: return []
        }
    }
}

extension TextTemplate.Piece {
    fileprivate var isLiteral: Bool { if case .literal = self { true } else { false } }
}
