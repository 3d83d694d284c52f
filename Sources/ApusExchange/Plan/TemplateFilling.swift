public import ApusAddresses
public import ApusHTTP
public import ApusModel
public import ApusRouting

/// What a template is filled from: a request, its route, and how much may still be written.
///
/// What is filled in comes from a head that was parsed: it is visible ASCII, and stays so, since nothing is decoded. What
/// else must hold of a host, a path, a location or a cookie is checked once it has been written.
public struct TemplateFilling<Place: BitwiseCopyable> {
    public let head: RequestHead
    public let place: Place
    /// The request's path as templates see it: the normal form, unless its listener takes paths literally. Empty where the
    /// target has none.
    public let path: Place
    /// Bytes of the path; 1 for that of a target that has none.
    @usableFromInline let pathCount: Int
    @usableFromInline let client: IPAddress
    @usableFromInline let isSecure: Bool
    /// Whether an origin that reads `..` in a path does so where its listener does not.
    @usableFromInline let takesPathsLiterally: Bool
    /// What lies below the prefix of the route, as offsets of the path; empty for other routes.
    @usableFromInline let rest: Range<Int>
    /// As offsets of the path; nil where the route uses none.
    @usableFromInline let captures: PathCaptures?
    /// Bytes that may still be written. The largest head, this, and a read's worth of a body fit into what is sent at once.
    public var room = TextTemplate.limit
    /// Where the reference that is being written begins (`FilledPieceCheck`).
    @usableFromInline var referenceStart = 0
    /// Something was written that must not be sent.
    @usableFromInline var isRefused = false

    /// More would have been written than that; some is missing.
    @inlinable public var isOverfull: Bool { room < 0 }

    /// - Parameters:
    ///   - path: where the path is that templates see (`RequestRules.normalizesPath`).
    @inlinable
    public init<Desk: PlanDesk & ~Copyable>(
        _ hand: inout HeadInHand<Place>, path: Place, route: Int, _ arrival: Arrival,
        by rules: borrowing RequestRules, _ desk: borrowing Desk
    ) where Desk.Place == Place {
        let settings = rules.routes[route]
        head = hand.head
        place = hand.place
        self.path = path
        let bytes = desk.bytes(of: hand.place)
        let hasPath = !hand.head.target.path.isEmpty
        let pathCount = hasPath ? desk.bytes(of: path).count : 1
        self.pathCount = pathCount
        client = settings.usesClient ? rules.client(of: &hand, bytes, arrival) : IPAddress(high: 0, low: 0)
        isSecure = hand.isSecure(bytes, arrival)
        takesPathsLiterally = rules.listenerPaths[arrival.listener] == .literal
        let prefix = Int(settings.prefixCount)
        rest = prefix >= 0 && pathCount > prefix ? prefix..<pathCount : 0..<0
        if !settings.usesCaptures {
            captures = nil
        } else if hasPath {
            captures = rules.routePaths[route].captures(in: desk.bytes(of: path))
        } else {
            let implied: InlineArray<1, UInt8> = [hand.head.impliedPath]
            captures = rules.routePaths[route].captures(in: implied.span)
        }
    }

    /// - Throws: why what was written cannot be sent.
    @inlinable
    public func check() throws(Reason) {
        if isOverfull { throw .headTooLarge }
        if isRefused { throw .badRewrite }
    }

    // MARK: Filling

    /// Appends a template, filled, as far as there is room.
    @inlinable
    public mutating func append<Desk: PlanDesk & ~Copyable>(
        _ template: TemplateTable.Name, of table: borrowing TemplateTable, to desk: inout Desk
    ) where Desk.Place == Place {
        for index in template.range {
            let piece = table.pieces[index]
            let start = desk.writtenCount
            defer { if piece.check.kind != .none { check(piece.check, from: start, desk) } }
            switch piece.kind {
            case .literal:
                guard take(Int(piece.end - piece.start)) else { return }
                desk.append(table.text.span.extracting(Int(piece.start)..<Int(piece.end)))
            case .scheme:
                guard take(5) else { return }
                desk.append(isSecure ? "https" : "http")
            case .host: append(input: head.host, to: &desk)
            case .path: appendPath(to: &desk)
            case .query: append(input: head.target.path.upperBound..<head.target.pathAndQuery.upperBound, to: &desk)
            case .method: append(input: head.line.methodRange, to: &desk)
            case .client:
                guard take(45) else { return }
                let text = client.text
                desk.append(text.span)
            case .rest: append(path: rest, to: &desk)
            case .capture:
                guard let range = captures?.ranges[Int(piece.start)] else { continue }
                append(path: range, to: &desk)
            }
        }
    }

    /// Looks at a piece that has been filled in, from `start` on.
    @inlinable
    mutating func check<Desk: PlanDesk & ~Copyable>(
        _ check: FilledPieceCheck, from start: Int, _ desk: borrowing Desk
    ) where Desk.Place == Place {
        if check.begins { referenceStart = start - Int(check.literalCount) }
        let begin = check.kind == .reference ? referenceStart : start
        if !check.allows(desk.written(from: begin)) { isRefused = true }
    }

    /// Appends bytes of the request's head, if there is room for them.
    @inlinable
    mutating func append<Desk: PlanDesk & ~Copyable>(input range: Range<Int>, to desk: inout Desk)
    where Desk.Place == Place {
        guard take(range.count) else { return }
        desk.append(from: place, range)
    }

    /// The request's path. A target that has none, or is `*`, stands for the root.
    @inlinable
    mutating func appendPath<Desk: PlanDesk & ~Copyable>(to desk: inout Desk) where Desk.Place == Place {
        guard !head.target.path.isEmpty, !head.isForServer else {
            if take(1) { desk.append(UInt8(ascii: "/")) }
            return
        }
        append(path: 0..<pathCount, to: &desk)
    }

    /// Appends a part of the request's path.
    @inlinable
    mutating func append<Desk: PlanDesk & ~Copyable>(path range: Range<Int>, to desk: inout Desk)
    where Desk.Place == Place {
        guard head.target.path.isEmpty else {
            guard take(range.count) else { return }
            return desk.append(from: path, range)
        }
        guard !range.isEmpty, take(1) else { return }
        desk.append(head.impliedPath)
    }

    @inlinable
    mutating func take(_ count: Int) -> Bool {
        room -= count
        return room >= 0
    }

    // MARK: What has rules of its own

    /// Appends where a redirect leads. A Location that begins with what came from the request, and with two slashes, would
    /// name another host, of whoever made the link (RFC 3986 section 4.2): a dot segment before them says that it is a path.
    @inlinable
    public mutating func appendLocation<Desk: PlanDesk & ~Copyable>(
        _ template: TemplateTable.Name, of table: borrowing TemplateTable, namesItsHost: Bool, to desk: inout Desk
    ) where Desk.Place == Place {
        let start = desk.writtenCount
        let before = (room, referenceStart, isRefused)
        append(template, of: table, to: &desk)
        if !namesItsHost, Redirect.namesHost(desk.written(from: start)) {
            (room, referenceStart, isRefused) = before
            desk.removeLast(desk.writtenCount - start)
            desk.append("/.")
            append(template, of: table, to: &desk)
        }
        if !WrittenText.isLocation(desk.written(from: start), isOwnScheme: namesItsHost) { isRefused = true }
    }

    /// Appends the host that the origin gets.
    @inlinable
    public mutating func appendHost<Desk: PlanDesk & ~Copyable>(
        _ template: TemplateTable.Name, of table: borrowing TemplateTable, to desk: inout Desk
    ) where Desk.Place == Place {
        let start = desk.writtenCount
        append(template, of: table, to: &desk)
        if !WrittenText.isHost(desk.written(from: start)) { isRefused = true }
    }

    /// Appends the path and query that the origin gets.
    @inlinable
    public mutating func appendTarget<Desk: PlanDesk & ~Copyable>(
        _ template: TemplateTable.Name, of table: borrowing TemplateTable, to desk: inout Desk
    ) where Desk.Place == Place {
        let start = desk.writtenCount
        append(template, of: table, to: &desk)
        // The prefix was all there was, and nothing takes its place.
        if desk.writtenCount == start { desk.append(UInt8(ascii: "/")) }
        if !isPath(desk.written(from: start), desk.bytes(of: place), isLiteral: template.isLiteral) { isRefused = true }
        append(input: head.target.path.upperBound..<head.target.pathAndQuery.upperBound, to: &desk)
    }

    /// Whether a path that a template has made may go to the origin.
    @inlinable
    func isPath(_ path: Span<UInt8>, _ bytes: Span<UInt8>, isLiteral: Bool) -> Bool {
        // The origin may read `..` in a path that a route has written from one that it matched: that would lead elsewhere
        // than the route says.
        if !isLiteral, !takesPathsLiterally, PathOddities(path).contains(.dotSegment) { return false }
        return WrittenText.isPath(path, from: bytes.extracting(head.target.path))
    }
}
