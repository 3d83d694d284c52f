public import ApusAddresses
public import ApusHTTP
public import ApusModel

/// Paths: which route a request has, by every way in which an origin may read its path (docs/design/0015-path-readings.md).
extension Snapshot {
    /// The route of a request whose path is taken as it came.
    @inlinable @inline(__always)
    func routeAsItCame<Place>(
        _ listener: Int, _ hand: inout HeadInHand<Place>, _ client: IPAddress, _ bytes: Span<UInt8>
    ) -> Int? {
        let path = hand.head.target.path
        if path.isEmpty { return routeOfImpliedPath(listener, &hand, client, bytes) }
        return route(
            listener: listener, head: hand.head, path: bytes.extracting(path), fields: hand.fields, bytes: bytes,
            client: client)
    }

    /// The route of a request whose target has no path.
    @inlinable @inline(never)
    func routeOfImpliedPath<Place>(
        _ listener: Int, _ hand: inout HeadInHand<Place>, _ client: IPAddress, _ bytes: Span<UInt8>
    ) -> Int? {
        let path: InlineArray<1, UInt8> = [hand.head.impliedPath]
        return route(
            listener: listener, head: hand.head, path: path.span, fields: hand.fields, bytes: bytes, client: client)
    }

    /// The plan for a path that is not plain: the route that all its readings have.
    @inlinable @inline(never)
    func planByReadings<Desk: PlanDesk & ~Copyable>(
        _ listener: Int, _ rule: PathRule, _ hand: inout HeadInHand<Desk.Place>, _ client: IPAddress,
        _ desk: inout Desk
    ) -> RequestPlan {
        do throws(Reason) {
            guard let route = try routeByReadings(listener, rule, &hand, client, &desk) else { throw .noRoute }
            return .route(route)
        } catch {
            return .refuse(error)
        }
    }

    /// - Throws: `badPath` or `ambiguousPath` for a path that must not reach an origin.
    @inlinable
    func routeByReadings<Desk: PlanDesk & ~Copyable>(
        _ listener: Int, _ rule: PathRule, _ hand: inout HeadInHand<Desk.Place>, _ client: IPAddress,
        _ desk: inout Desk
    ) throws(Reason) -> Int? {
        let path = hand.head.target.path
        let oddities = PathOddities(desk.bytes(of: hand.place).extracting(path))
        if oddities.contains(.control) { throw .badPath }
        if rule == .literal || oddities.isEmpty {
            return routeAsItCame(listener, &hand, client, desk.bytes(of: hand.place))
        }
        let readings = PathReadings(oddities)
        let normal = try routeOfReading(.normal, listener, &hand, client, &desk)
        if readings.count == 1 { return normal }
        if rule == .strict { throw .ambiguousPath }
        guard looksAtPath(listener: listener) else { return normal }
        guard readings.areFew(pathCount: path.count) else { throw .ambiguousPath }
        for number in 1..<readings.count {
            let other: Int?
            do throws(Reason) {
                other = try routeOfReading(readings[number], listener, &hand, client, &desk)
            } catch {
                // Above the root, to those who read it so.
                throw .ambiguousPath
            }
            if other != normal { throw .ambiguousPath }
        }
        return normal
    }

    /// The route of one reading, which is written on the desk.
    @inlinable
    func routeOfReading<Desk: PlanDesk & ~Copyable>(
        _ reading: PathReading, _ listener: Int, _ hand: inout HeadInHand<Desk.Place>, _ client: IPAddress,
        _ desk: inout Desk
    ) throws(Reason) -> Int? {
        let count = try desk.write(reading, of: hand.head.target.path, from: hand.place)
        return route(
            listener: listener, head: hand.head, path: desk.written(from: 0).extracting(0..<count), fields: hand.fields,
            bytes: desk.bytes(of: hand.place), client: client)
    }
}

extension PlanDesk where Self: ~Copyable {
    /// Writes a reading of a path, and nothing else.
    ///
    /// - Returns: how many of the bytes written, from the first, are the reading.
    /// - Throws: `badPath` where it leads above the root.
    @inlinable
    mutating func write(
        _ reading: PathReading, of path: Range<Int>, from place: Place
    ) throws(Reason) -> Int {
        beginWriting()
        append(from: place, path)
        var copy = rewritten()
        return try reading.apply(to: &copy)
    }
}

// MARK: - Paths that templates see

extension RequestRules {
    /// Whether templates are filled from another path than the one that came: from its normal form.
    @inlinable
    public func normalizesPath<Place>(
        of hand: inout HeadInHand<Place>, _ bytes: Span<UInt8>, listener: Int
    ) -> Bool {
        listenerPaths[listener] != .literal && !PathNormalization.isPlain(hand.head.target.path, of: bytes)
    }
}
