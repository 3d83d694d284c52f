import ApusHTTP

/// Reads a template whose value is a reference, or holds some, and says what must hold of each piece that is filled in: a
/// client must choose neither scheme nor host (RFC 3986 section 3).
///
/// A reference begins with the value, or behind `<` in Link (RFC 8288 section 3), or behind `=` in Link and Refresh. Browsers
/// read more of Refresh as its URL than what is behind `url=`; so that before it only a number is filled in.
struct ReferenceReading {
    /// Where in a reference the template is.
    enum Place: Equatable {
        case outside
        /// At its beginning: nothing, or a slash, is written of it as literal text.
        case start([UInt8])
        /// What was filled in may be all of it: with every further piece the whole is looked at again.
        case begun
        /// Behind `{scheme}`.
        case scheme
        /// In what names the host; `text` is the literal text that comes last.
        case host(text: [UInt8])
        /// Behind the host, or there is none.
        case rest
    }

    private var place: Place
    private let isWhole: Bool
    private let isLink: Bool

    init(_ place: Place, isLink: Bool = false) {
        self.place = place
        isWhole = place != .outside
        self.isLink = isLink
    }

    /// One for each piece.
    func checks(of template: TextTemplate) -> [FilledPieceCheck] {
        var reading = self
        return template.pieces.indices.map { index in
            let next = index + 1 < template.pieces.count ? template.pieces[index + 1] : nil
            return reading.read(template.pieces[index], before: next)
        }
    }

    private mutating func read(
        _ piece: TextTemplate.Piece, before next: TextTemplate.Piece?
    ) -> FilledPieceCheck {
        switch piece {
        case .literal(let bytes):
            read(bytes)
            return FilledPieceCheck()
        case .variable(.scheme) where place == .start([]):
            // It is http or https.
            place = .scheme
            return FilledPieceCheck(.restOfReference)
        case .variable(.host) where isInHost:
            // Of a host it is known that it is one.
            place = .host(text: [])
            return FilledPieceCheck(.restOfReference)
        case .variable: return readFilled(before: next)
        }
    }

    private var isInHost: Bool { if case .host = place { true } else { false } }

    private mutating func readFilled(before next: TextTemplate.Piece?) -> FilledPieceCheck {
        switch place {
        case .outside: return FilledPieceCheck(isLink ? .restOfReference : .delay)
        case .start(let text):
            place = .begun
            return FilledPieceCheck(.reference, begins: true, literalCount: UInt8(text.count))
        case .begun: return FilledPieceCheck(.reference)
        case .scheme: return FilledPieceCheck(.behindHost)
        case .host(let text):
            if text.last == UInt8(ascii: ":") { return FilledPieceCheck(.port) }
            if case .literal(let bytes) = next, bytes.first == UInt8(ascii: ".") { return FilledPieceCheck(.label) }
            return FilledPieceCheck(.behindHost)
        case .rest: return FilledPieceCheck(.restOfReference)
        }
    }

    private mutating func read(_ bytes: [UInt8]) {
        if !isWhole, let mark = bytes.lastIndex(where: { $0 == UInt8(ascii: "<") || $0 == UInt8(ascii: "=") }) {
            let quotes: Set = [UInt8(ascii: "\""), UInt8(ascii: "'"), UInt8(ascii: " ")]
            place = .start([])
            return read(Array(bytes[(mark + 1)...].drop { quotes.contains($0) }))
        }
        switch place {
        case .outside, .rest: break
        case .begun: if !isWhole, bytes.contains(UInt8(ascii: ">")) { place = .outside }
        case .start(let known): place = Self.place(behind: known + bytes)
        case .scheme: place = Self.place(behind: Array("http".utf8) + bytes)
        case .host: place = Self.place(inHost: bytes[...])
        }
    }

    /// Where a reference is that has begun with that text.
    private static func place(behind text: [UInt8]) -> Place {
        // `/` may become `//` yet.
        if text.isEmpty || text == [.slash] { return .start(text) }
        let colon = text.firstIndex(of: UInt8(ascii: ":")) ?? -1
        let isScheme = text.prefix(max(0, colon)).allSatisfy { !isHostEnd($0) }
        let start = isScheme ? colon + 1 : 0
        guard text.count >= start + 2, text[start] == .slash, text[start + 1] == .slash else { return .rest }
        return place(inHost: text[(start + 2)...])
    }

    private static func place(inHost text: ArraySlice<UInt8>) -> Place {
        text.contains(where: isHostEnd) ? .rest : .host(text: Array(text))
    }

    private static func isHostEnd(_ byte: UInt8) -> Bool {
        byte == .slash || byte == UInt8(ascii: "?") || byte == UInt8(ascii: "#")
    }
}
