import ApusAddresses
import ApusExchange
import ApusHTTP
import ApusModel
import ApusRouting
import ApusTransport

/// What a template is filled from: a request, its route, and how much may still be written.
///
/// What is filled in comes from a head that was parsed: it is visible ASCII, and stays so, since nothing is decoded. What
/// else must hold of a host, a path, a location or a cookie is checked once it has been written.
struct TemplateFilling {
    let head: RequestHead
    let stretch: Stretch
    /// The request's path as templates see it (`Worker.templatePath`).
    let path: Stretch
    let client: IPAddress
    let isSecure: Bool
    /// What lies below the prefix of the route, as offsets of the path; empty for other routes.
    let rest: Range<Int>
    /// As offsets of the path; nil where the route uses none.
    let captures: PathCaptures?
    /// Bytes that may still be written. The largest head, this, and a read's worth of a body fit into what is sent at once.
    var room = TextTemplate.limit
    /// More would have been written than that; some is missing.
    var isOverfull: Bool { room < 0 }
    /// Where the reference that is being written begins (`FilledPieceCheck`).
    var referenceStart = 0
    /// Something was written that must not be sent.
    var isRefused = false

    /// - Throws: why what was written cannot be sent.
    func check() throws(Reason) {
        if isOverfull { throw .headTooLarge }
        if isRefused { throw .badRewrite }
    }
}

/// Rewriting: what a route changes of the heads that pass.
extension Worker {
    // MARK: Templates

    /// - Returns: nil without memory. What it holds is to be given back (`release`).
    mutating func templateFilling(
        _ x: Int, _ head: RequestHead, _ stretch: Stretch, _ arena: inout BufferArena
    ) -> TemplateFilling? {
        guard let path = templatePath(x, head, stretch, &arena) else { return nil }
        let rules = settings.routes[exchanges[x].route]
        let bytes = arena.bytes(stretch.handle, stretch.range)
        var rest = 0..<0
        // One byte stands for a path that is not there.
        let pathCount = max(1, path.count)
        if rules.prefixCount >= 0, pathCount > rules.prefixCount { rest = Int(rules.prefixCount)..<pathCount }
        var captures: PathCaptures?
        if rules.usesCaptures {
            let pattern = settings.routePaths[exchanges[x].route]
            captures =
                head.target.path.isEmpty
                ? pattern.captures(in: settings.path(ofNone: head).span)
                : pattern.captures(in: arena.bytes(path.handle, path.range))
        }
        return TemplateFilling(
            head: head, stretch: stretch, path: path,
            client: rules.usesClient ? clientAddress(x, bytes) : IPAddress(high: 0, low: 0),
            isSecure: connections[exchanges[x].client].isTrusted && fields.saysSecure(in: bytes), rest: rest,
            captures: captures)
    }

    func release(_ filling: TemplateFilling, _ arena: inout BufferArena) {
        if filling.path.handle != filling.stretch.handle { arena.giveBack(filling.path.handle) }
    }

    func append(_ template: TemplateTable.Name, _ filling: inout TemplateFilling, _ arena: inout BufferArena) {
        for index in template.range {
            let piece = settings.routeTables.templates.pieces[index]
            let start = arena.sendCount
            defer { if piece.check.kind != .none { check(piece.check, from: start, &filling, arena) } }
            switch piece.kind {
            case .literal:
                guard take(Int(piece.end - piece.start), &filling) else { return }
                let text = settings.routeTables.templates.text
                arena.append(text.span.extracting(Int(piece.start)..<Int(piece.end)))
            case .scheme:
                guard take(5, &filling) else { return }
                arena.append(filling.isSecure ? "https" : "http")
            case .host: append(input: filling.head.host, &filling, &arena)
            case .path: appendPath(&filling, &arena)
            case .query:
                let target = filling.head.target
                append(input: target.path.upperBound..<target.pathAndQuery.upperBound, &filling, &arena)
            case .method: append(input: filling.head.line.methodRange, &filling, &arena)
            case .client:
                guard take(45, &filling) else { return }
                filling.client.writeText { arena.append($0) }
            case .rest: append(path: filling.rest, &filling, &arena)
            case .capture:
                guard let range = filling.captures?.ranges[Int(piece.start)] else { continue }
                append(path: range, &filling, &arena)
            }
        }
    }

    /// Looks at a piece that has been filled in, from `start` on.
    private func check(
        _ check: FilledPieceCheck, from start: Int, _ filling: inout TemplateFilling, _ arena: borrowing BufferArena
    ) {
        if check.begins { filling.referenceStart = start - Int(check.literalCount) }
        let begin = check.kind == .reference ? filling.referenceStart : start
        if !check.allows(arena.bytes(.outbound, begin..<arena.sendCount)) { filling.isRefused = true }
    }

    /// Appends bytes of the request's head, if there is room for them.
    private func append(input range: Range<Int>, _ filling: inout TemplateFilling, _ arena: inout BufferArena) {
        guard take(range.count, &filling) else { return }
        arena.append(copying: filling.stretch.handle, range.moved(by: Int(filling.stretch.start)))
    }

    /// The request's path. A target that has none, or is `*`, stands for the root.
    private func appendPath(_ filling: inout TemplateFilling, _ arena: inout BufferArena) {
        let target = filling.head.target
        guard !target.path.isEmpty, !filling.head.isForServer else {
            if take(1, &filling) { arena.append(UInt8(ascii: "/")) }
            return
        }
        append(path: 0..<filling.path.count, &filling, &arena)
    }

    /// Appends a part of the request's path.
    private func append(path range: Range<Int>, _ filling: inout TemplateFilling, _ arena: inout BufferArena) {
        guard filling.head.target.path.isEmpty else {
            guard take(range.count, &filling) else { return }
            return arena.append(copying: filling.path.handle, range.moved(by: Int(filling.path.start)))
        }
        guard !range.isEmpty, take(1, &filling) else { return }
        arena.append(settings.path(ofNone: filling.head)[0])
    }

    private func take(_ count: Int, _ filling: inout TemplateFilling) -> Bool {
        filling.room -= count
        return filling.room >= 0
    }

    /// Appends a Location that begins with what came from the request. One that begins with two slashes would name another
    /// host, of whoever made the link: a dot segment before them says that it is a path.
    mutating func appendChecked(
        _ template: TemplateTable.Name, _ filling: inout TemplateFilling, _ arena: inout BufferArena
    ) {
        let start = arena.sendCount
        var trial = filling
        append(template, &trial, &arena)
        if Redirect.namesHost(arena.bytes(.outbound, start..<arena.sendCount)) {
            arena.removeLast(arena.sendCount - start)
            arena.append("/.")
            append(template, &filling, &arena)
        } else {
            filling = trial
        }
        checkLocation(from: start, isOwnScheme: false, &filling, arena)
    }

    func checkLocation(
        from start: Int, isOwnScheme: Bool, _ filling: inout TemplateFilling, _ arena: borrowing BufferArena
    ) {
        let location = arena.bytes(.outbound, start..<arena.sendCount)
        if !WrittenText.isLocation(location, isOwnScheme: isOwnScheme) { filling.isRefused = true }
    }

    // MARK: Requests

    /// Has the fields left out that the exchange's route removes or replaces.
    mutating func dropFields(_ names: RouteSettings.NameRange, _ bytes: Span<UInt8>) {
        for index in names.range {
            let name = settings.routeTables.names[index]
            fields.drop(name.span, in: bytes)
        }
    }

    /// Begins a send with the head as the origin will get it, with what the exchange's route changes of it, and keeps what
    /// that adds to the response.
    ///
    /// - Throws: `headTooLarge` when it would become too large; `ambiguousPath` when an origin could read the path that a
    ///   template makes as one that leads elsewhere.
    mutating func writeRewritten(
        _ x: Int, _ head: RequestHead, _ stretch: Stretch, _ arena: inout BufferArena
    ) throws(Reason) {
        guard var filling = templateFilling(x, head, stretch, &arena) else { throw .memoryLimit }
        defer { release(filling, &arena) }
        try writeRewritten(x, head, stretch, &filling, &arena)
    }

    private mutating func writeRewritten(
        _ x: Int, _ head: RequestHead, _ stretch: Stretch, _ filling: inout TemplateFilling,
        _ arena: inout BufferArena
    ) throws(Reason) {
        let rules = settings.routes[exchanges[x].route]
        let client = exchanges[x].client
        let peer = connections[client].peer
        let listener = ownAddress(x, head)
        try prepareResponseLines(x, &filling, &arena)
        filling.room = TextTemplate.limit
        var rewrites = rules.rewrites
        // `*` is no path (RFC 9112 section 3.2.4).
        if head.isForServer { rewrites.remove(.target) }
        dropFields(rules.requestNames, arena.bytes(stretch.handle, stretch.range))
        arena.beginSend()
        arena.setInput(stretch.handle, at: Int(stretch.start))
        head.write(
            forwarding: ForwardedRequest(
                isTrusted: connections[client].isTrusted, ownPort: listener.port, rewrites: rewrites),
            fields: fields, to: &arena, clientAddress: { $0.append(peer) },
            ownAddress: { $0.append(authority: listener) },
            rewritten: { part, arena in
                switch part {
                case .target: appendTarget(x, rules.path, &filling, &arena)
                case .host: appendHost(rules.host, &filling, &arena)
                case .fields: append(rules.requestLines, &filling, &arena)
                case .prefix: append(rules.strippedPrefix, &filling, &arena)
                }
            })
        try filling.check()
    }

    /// Appends the host that the origin gets.
    func appendHost(_ template: TemplateTable.Name, _ filling: inout TemplateFilling, _ arena: inout BufferArena) {
        let start = arena.sendCount
        append(template, &filling, &arena)
        if !WrittenText.isHost(arena.bytes(.outbound, start..<arena.sendCount)) { filling.isRefused = true }
    }

    /// Appends the path and query that the origin gets.
    private func appendTarget(
        _ x: Int, _ template: TemplateTable.Name, _ filling: inout TemplateFilling, _ arena: inout BufferArena
    ) {
        let start = arena.sendCount
        append(template, &filling, &arena)
        // The prefix was all there was, and nothing takes its place.
        if arena.sendCount == start { arena.append(UInt8(ascii: "/")) }
        if !template.isLiteral, leadsElsewhere(x, arena.bytes(.outbound, start..<arena.sendCount)) {
            filling.isRefused = true
        }
        let target = filling.head.target
        let original = target.path.moved(by: Int(filling.stretch.start))
        if !WrittenText.isPath(
            arena.bytes(.outbound, start..<arena.sendCount), from: arena.bytes(filling.stretch.handle, original))
        {
            filling.isRefused = true
        }
        append(input: target.path.upperBound..<target.pathAndQuery.upperBound, &filling, &arena)
    }

    // MARK: Responses

    /// Writes what the exchange's route adds to the response, as far as it depends on the request, and keeps it: the
    /// request's head is gone when the response comes.
    ///
    /// - Throws: `headTooLarge` when it would be too much.
    mutating func prepareResponseLines(
        _ x: Int, _ filling: inout TemplateFilling, _ arena: inout BufferArena
    ) throws(Reason) {
        let lines = settings.routes[exchanges[x].route].responseLines
        guard !lines.isLiteral else { return }
        arena.beginSend()
        append(lines, &filling, &arena)
        try filling.check()
        guard let kept = keepUnsent(of: x, &arena) else { throw .memoryLimit }
        exchanges[x].responseLines = kept
    }

    /// Has those fields left out that the exchange's route takes from responses.
    mutating func editResponse(_ x: Int, _ bytes: Span<UInt8>) {
        dropFields(settings.routes[exchanges[x].route].responseNames, bytes)
    }

    /// Whether the exchange's route decides on the Date field of responses.
    mutating func writesDate(_ x: Int) -> Bool {
        for index in settings.routes[exchanges[x].route].responseNames.range {
            let name = settings.routeTables.names[index]
            if name.span.equalsIgnoringCase(0..<name.count, "date") { return true }
        }
        return false
    }

    /// Appends what the exchange's route adds to responses.
    func appendResponseLines(_ x: Int, _ arena: inout BufferArena) {
        let kept = exchanges[x].responseLines
        guard kept.isEmpty else { return arena.append(copying: kept.handle, kept.range) }
        let lines = settings.routes[exchanges[x].route].responseLines
        guard lines.isLiteral else { return }
        for index in lines.range {
            let piece = settings.routeTables.templates.pieces[index]
            let text = settings.routeTables.templates.text
            arena.append(text.span.extracting(Int(piece.start)..<Int(piece.end)))
        }
    }
}
