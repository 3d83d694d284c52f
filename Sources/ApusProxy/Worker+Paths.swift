import ApusAddresses
import ApusHTTP
import ApusModel
import ApusTransport

/// Paths: which route a request has, by every way in which an origin may read its path.
extension Worker {
    /// The route of a request.
    ///
    /// - Throws: `noRoute`; `badPath` or `ambiguousPath` for a path that must not reach an origin.
    mutating func findRoute(
        _ x: Int, _ head: RequestHead, _ stretch: Stretch, _ arena: inout BufferArena
    ) throws(Reason) -> Int {
        let listener = exchanges[x].listener
        let client =
            shared.snapshot.looksAtClient(listener: listener)
            ? clientAddress(x, arena.bytes(stretch.handle, stretch.range)) : IPAddress(high: 0, low: 0)
        let route: Int?
        if isPlain(head, stretch, arena) {
            route = matchAsItCame(listener, head, stretch, client, arena)
        } else {
            route = try matchReadings(listener, head, stretch, client, &arena)
        }
        guard let route else { throw .noRoute }
        return route
    }

    @inline(__always)
    private func isPlain(_ head: RequestHead, _ stretch: Stretch, _ arena: borrowing BufferArena) -> Bool {
        PathNormalization.isPlain(head.target.path, of: arena.bytes(stretch.handle, stretch.range))
    }

    private mutating func matchAsItCame(
        _ listener: Int, _ head: RequestHead, _ stretch: Stretch, _ client: IPAddress, _ arena: borrowing BufferArena
    ) -> Int? {
        let bytes = arena.bytes(stretch.handle, stretch.range)
        guard !head.target.path.isEmpty else {
            return shared.snapshot.route(
                listener: listener, head: head, path: settings.path(ofNone: head).span, fields: fields, bytes: bytes,
                client: client)
        }
        return shared.snapshot.route(
            listener: listener, head: head, path: bytes.extracting(head.target.path), fields: fields, bytes: bytes,
            client: client)
    }

    /// The route of a path that is not plain: the one that all its readings have.
    private mutating func matchReadings(
        _ listener: Int, _ head: RequestHead, _ stretch: Stretch, _ client: IPAddress, _ arena: inout BufferArena
    ) throws(Reason) -> Int? {
        let path = head.target.path.moved(by: Int(stretch.start))
        let oddities = PathOddities(arena.bytes(stretch.handle, path))
        if oddities.contains(.control) { throw .badPath }
        let rule = settings.listenerPaths[listener]
        if rule == .literal || oddities.isEmpty { return matchAsItCame(listener, head, stretch, client, arena) }
        let readings = PathReadings(oddities)
        let normal = try matchReading(.normal, listener, head, stretch, client, &arena)
        if readings.count == 1 { return normal }
        if rule == .strict { throw .ambiguousPath }
        guard shared.snapshot.looksAtPath(listener: listener) else { return normal }
        guard readings.areFew(pathCount: path.count) else { throw .ambiguousPath }
        for number in 1..<readings.count {
            let other: Int?
            do {
                other = try matchReading(readings[number], listener, head, stretch, client, &arena)
            } catch {
                // Above the root, to those who read it so.
                throw .ambiguousPath
            }
            if other != normal { throw .ambiguousPath }
        }
        return normal
    }

    /// The route of one reading. The reading is written where the next send will be, which has not begun.
    private mutating func matchReading(
        _ reading: PathReading, _ listener: Int, _ head: RequestHead, _ stretch: Stretch, _ client: IPAddress,
        _ arena: inout BufferArena
    ) throws(Reason) -> Int? {
        let path = head.target.path.moved(by: Int(stretch.start))
        arena.beginSend()
        arena.append(copying: stretch.handle, path)
        var copy = arena.mutableBytes(.outbound, 0..<path.count)
        let count = try reading.apply(to: &copy)
        return shared.snapshot.route(
            listener: listener, head: head, path: arena.bytes(.outbound, 0..<count), fields: fields,
            bytes: arena.bytes(stretch.handle, stretch.range), client: client)
    }

    // MARK: Templates

    /// The path that templates are filled from: the normal form, in a block of its own if what came is another.
    ///
    /// - Returns: nil without memory.
    mutating func templatePath(
        _ x: Int, _ head: RequestHead, _ stretch: Stretch, _ arena: inout BufferArena
    ) -> Stretch? {
        let path = head.target.path.moved(by: Int(stretch.start))
        guard settings.listenerPaths[exchanges[x].listener] != .literal, !isPlain(head, stretch, arena) else {
            return Stretch(stretch.handle, path)
        }
        guard let block = borrow(path.count, for: exchanges[x].client, &arena) else { return nil }
        arena.copy(from: stretch.handle, path, to: block, at: 0)
        var copy = arena.mutableBytes(block, 0..<path.count)
        // It has been normalized before, when its route was looked for.
        let count = (try? PathNormalization.normalize(&copy)) ?? path.count
        return Stretch(block, 0..<count)
    }

    /// Whether the origin may read `..` in a path that a route has written from one that it matched: that would lead
    /// elsewhere than the route says.
    func leadsElsewhere(_ x: Int, _ path: Span<UInt8>) -> Bool {
        settings.listenerPaths[exchanges[x].listener] != .literal && PathOddities(path).contains(.dotSegment)
    }
}
