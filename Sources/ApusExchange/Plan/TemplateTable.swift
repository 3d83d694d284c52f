public import ApusRouting

/// The texts that routes fill from requests, laid out flat: pieces without references, their bytes side by side.
///
/// `TextTemplate` says the same in arrays and enums; reading those on the request path would cost reference counting.
public struct TemplateTable: Sendable {
    public enum Kind: UInt8, BitwiseCopyable, Sendable {
        case literal, scheme, host, path, query, method, client, rest, capture
    }

    /// A literal's bytes as a range of `text`; the number of a capture as `start`.
    public struct Piece: BitwiseCopyable, Sendable {
        public let kind: Kind
        public let start: Int32
        public let end: Int32
        /// What must hold of it once it is filled.
        public var check = FilledPieceCheck()
    }

    /// One template: a range of pieces.
    public struct Name: BitwiseCopyable, Sendable {
        public fileprivate(set) var start: Int32 = 0
        public fileprivate(set) var end: Int32 = 0
        /// It depends on nothing of a request.
        public fileprivate(set) var isLiteral = true
        public fileprivate(set) var usesClient = false
        public fileprivate(set) var usesCaptures = false

        @inlinable public var isEmpty: Bool { start == end }
        @inlinable public var range: Range<Int> { Int(start)..<Int(end) }
    }

    public private(set) var pieces: [Piece] = []
    public private(set) var text: [UInt8] = []

    public init() {}

    /// - Parameter captures: the names of the route's captures, in the order in which its pattern numbers them.
    public mutating func add(_ template: TextTemplate, captures: [String]) -> Name {
        var name = begin()
        append(template, captures, to: &name)
        return name
    }

    /// The lines that set and add fields, one behind the other.
    public mutating func add(linesOf edits: [FieldEdit], captures: [String]) -> Name {
        var name = begin()
        for edit in edits {
            switch edit {
            case .remove: continue
            case .set(let field, let value), .add(let field, let value):
                append(literal: Array("\(field): ".utf8), to: &name)
                append(value, captures, checks: edit.checks, to: &name)
                append(literal: Array("\r\n".utf8), to: &name)
            }
        }
        return name
    }

    private func begin() -> Name {
        var name = Name()
        name.start = Int32(pieces.count)
        name.end = name.start
        return name
    }

    private mutating func append(
        _ template: TextTemplate, _ captures: [String], checks: [FilledPieceCheck] = [], to name: inout Name
    ) {
        for (index, piece) in template.pieces.enumerated() {
            switch piece {
            case .literal(let bytes): append(literal: bytes, to: &name)
            case .variable(let variable):
                let check = checks.isEmpty ? FilledPieceCheck() : checks[index]
                append(variable, captures, check, to: &name)
            }
        }
    }

    private mutating func append(literal bytes: [UInt8], to name: inout Name) {
        guard !bytes.isEmpty else { return }
        let start = Int32(text.count)
        text += bytes
        // What follows a literal directly becomes one with it.
        if !name.isEmpty, let last = pieces.last, last.kind == .literal, last.end == start {
            pieces[pieces.count - 1] = Piece(kind: .literal, start: last.start, end: Int32(text.count))
        } else {
            pieces.append(Piece(kind: .literal, start: start, end: Int32(text.count)))
            name.end += 1
        }
    }

    private mutating func append(
        _ variable: TextTemplate.Variable, _ captures: [String], _ check: FilledPieceCheck, to name: inout Name
    ) {
        name.isLiteral = false
        var number: Int32 = 0
        let kind: Kind
        switch variable {
        case .scheme: kind = .scheme
        case .host: kind = .host
        case .path: kind = .path
        case .query: kind = .query
        case .method: kind = .method
        case .client: kind = .client
        case .rest: kind = .rest
        case .capture(let capture):
            // One that the pattern does not have is filled with nothing.
            guard let place = captures.firstIndex(of: capture) else { return }
            number = Int32(place)
            kind = .capture
        }
        if kind == .client { name.usesClient = true }
        if kind == .capture { name.usesCaptures = true }
        pieces.append(Piece(kind: kind, start: number, end: number, check: check))
        name.end += 1
    }
}
