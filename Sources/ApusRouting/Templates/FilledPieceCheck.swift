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
        /// Part of one that has said its host.
        case restOfReference
    }

    public var kind = Kind.none
    /// A reference begins with this piece, or this many bytes of literal text before it.
    public var begins = false
    public var literalCount: UInt8 = 0

    public init() {}

    fileprivate init(_ kind: Kind, begins: Bool = false, literalCount: UInt8 = 0) {
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
        }
    }
}

extension FieldEdit {
    /// One for each piece of its value; empty where nothing is to be checked.
    public var checks: [FilledPieceCheck] {
        guard let value else { return [] }
        switch foldedName {
        case "set-cookie": return value.pieces.map { $0.isLiteral ? FilledPieceCheck() : FilledPieceCheck(.cookiePart) }
        case "location", "content-location": return value.referenceChecks(isReference: true)
        case "link", "refresh": return value.referenceChecks(isReference: false)
        default: return []
        }
    }
}

extension TextTemplate {
    /// - Parameter isReference: whether the value is a reference from its first byte on. If not, one begins behind `<`
    ///   (RFC 8288 section 3) or `=`, and the quotation mark there.
    fileprivate func referenceChecks(isReference: Bool) -> [FilledPieceCheck] {
        /// Literal text at the beginning of a reference that has no more so far; nil outside, or once it says more.
        var beginning: [UInt8]? = isReference ? [] : nil
        var hasBegun = false
        return pieces.map { piece in
            switch piece {
            case .literal(let bytes):
                (beginning, hasBegun) = Self.beginning(beginning, hasBegun, followedBy: bytes, isReference)
                return FilledPieceCheck()
            case .variable(.scheme), .variable(.host):
                // Of a host it is known that it is one; a scheme is http or https.
                beginning = nil
                return FilledPieceCheck(.restOfReference)
            case .variable:
                guard let text = beginning else { return FilledPieceCheck(.restOfReference) }
                defer { hasBegun = true }
                return FilledPieceCheck(.reference, begins: !hasBegun, literalCount: hasBegun ? 0 : UInt8(text.count))
            }
        }
    }

    /// What a reference begins with, after some more literal text.
    private static func beginning(
        _ known: [UInt8]?, _ hasBegun: Bool, followedBy bytes: [UInt8], _ isReference: Bool
    ) -> (text: [UInt8]?, hasBegun: Bool) {
        if !isReference, let mark = bytes.lastIndex(where: { $0 == UInt8(ascii: "<") || $0 == UInt8(ascii: "=") }) {
            let quotes: Set = [UInt8(ascii: "\""), UInt8(ascii: "'"), UInt8(ascii: " ")]
            let text = Array(bytes[(mark + 1)...].drop { quotes.contains($0) })
            return beginning([], false, followedBy: text, true)
        }
        guard let known else { return (nil, hasBegun) }
        if hasBegun {
            // What was filled in may be empty, or a slash: with every further piece the whole is looked at again.
            let hasEnded = !isReference && bytes.contains(UInt8(ascii: ">"))
            return hasEnded ? (nil, false) : (known, true)
        }
        let text = known + bytes
        // `/` may become `//` yet; whatever else begins it cannot.
        return text.isEmpty || text == [.slash] ? (text, hasBegun) : (nil, hasBegun)
    }
}

extension TextTemplate.Piece {
    fileprivate var isLiteral: Bool { if case .literal = self { true } else { false } }
}
