/// Looks through a snapshot for what the data plane and the control plane take for granted.
///
/// Nothing here follows an index before it is known to lead somewhere.
struct SnapshotCheck {
    let snapshot: Snapshot
    /// One that runs and has no problems: what is the same as there is not looked at again.
    private let known: Snapshot?
    private(set) var problems: [SnapshotProblem] = []
    static let limit = 100

    init(_ snapshot: Snapshot, knowing known: Snapshot? = nil) {
        self.snapshot = snapshot
        self.known = known
    }

    mutating func run() {
        number(snapshot.workers, in: Bounds.workers, "workers")
        listeners()
        if !knowsRoutes { routes() }
        pools()
        endpoints()
        timeouts()
        limits()
        label(snapshot.node, "node")
        if let zone = snapshot.zone { label(zone, "zone") }
        accessLog()
        operations()
    }

    // MARK: - What is known

    /// Routes are checked for themselves and lead to pools, of which there must be as many.
    private var knowsRoutes: Bool {
        guard let known else { return false }
        return known.routing.hasSameConfiguration(as: snapshot.routing)
            && known.pools.count(where: { !$0.isRetired }) == snapshot.pools.count
    }

    /// Whether the pool of this index has been looked at with its endpoints: all that is left is where they stand, and to
    /// which pool it falls back.
    func knows(pool index: Int) -> Bool {
        guard let known, index < known.pools.count else { return false }
        return known.upstreams.editions[index] === snapshot.upstreams.editions[index]
    }

    /// Whether the pools have the names, in the same order, of which it is known that no two are the same.
    var knowsPoolNames: Bool {
        guard let known, known.pools.count >= snapshot.pools.count else { return false }
        return snapshot.pools.indices.allSatisfy { snapshot.pools[$0].name == known.pools[$0].name }
    }

    // MARK: - Kinds of values

    mutating func problem(_ place: @autoclosure () -> String, found: String, expected: String) {
        guard problems.count < Self.limit else { return }
        problems.append(SnapshotProblem(place: place(), found: found, expected: expected))
    }

    mutating func number(_ value: Int?, in bounds: ClosedRange<Int>, _ place: @autoclosure () -> String) {
        guard let value, !bounds.contains(value) else { return }
        problem(
            place(), found: "\(value)", expected: "a whole number from \(bounds.lowerBound) to \(bounds.upperBound)")
    }

    mutating func number(_ value: Double?, in bounds: ClosedRange<Double>, _ place: @autoclosure () -> String) {
        guard let value, !bounds.contains(value) else { return }
        problem(place(), found: "\(value)", expected: "a number from \(bounds.lowerBound) to \(bounds.upperBound)")
    }

    mutating func duration(
        _ value: Duration?, in bounds: ClosedRange<Duration> = Bounds.durations, _ place: @autoclosure () -> String
    ) {
        guard let value, !bounds.contains(value) else { return }
        problem(place(), found: "\(value)", expected: "a duration from \(bounds.lowerBound) to \(bounds.upperBound)")
    }

    /// A duration that is sent in whole seconds.
    mutating func seconds(_ value: Duration?, in bounds: ClosedRange<Duration>, _ place: @autoclosure () -> String) {
        duration(value, in: bounds, place())
        guard let value, bounds.contains(value), value.components.attoseconds != 0 else { return }
        problem(place(), found: "\(value)", expected: "whole seconds, which is how it is sent")
    }

    mutating func order(_ low: Duration, _ high: Duration, _ place: @autoclosure () -> String, _ other: String) {
        guard low > high else { return }
        problem(place(), found: "\(low)", expected: "at most `\(other)`, which is \(high)")
    }

    mutating func index(_ value: Int, of what: String, below count: Int, _ place: @autoclosure () -> String) {
        guard value < 0 || value >= count else { return }
        problem(place(), found: "\(value)", expected: "an index into `\(what)`, of which there are \(count)")
    }

    /// What labels something in metrics and logs.
    mutating func label(_ text: String, _ place: @autoclosure () -> String) {
        let isGood = (1...1024).contains(text.utf8.count) && text.utf8.allSatisfy { $0 >= 0x20 && $0 != 0x7f }
        guard !isGood else { return }
        problem(place(), found: Self.quoted(text), expected: "1 to 1,024 bytes without control characters")
    }

    /// A token (RFC 9110 section 5.6.2): a method, the name of a field or a cookie.
    mutating func token(_ text: String, _ place: @autoclosure () -> String) {
        guard text.isEmpty || !text.utf8.allSatisfy(Self.isTokenByte) else { return }
        problem(place(), found: Self.quoted(text), expected: "letters, digits and any of \(Self.tokenMarks)")
    }

    /// The value of a field (RFC 9110 section 5.5), empty or not.
    mutating func fieldValue(_ bytes: some Collection<UInt8>, _ place: @autoclosure () -> String) {
        guard !bytes.allSatisfy({ $0 == 0x09 || $0 >= 0x20 && $0 != 0x7f }) else { return }
        problem(place(), found: Self.quoted(bytes), expected: "text without control characters")
    }

    /// What is sent in a request line: visible ASCII.
    mutating func target(_ bytes: some Collection<UInt8>, _ place: @autoclosure () -> String) {
        guard bytes.first != UInt8(ascii: "/") || !bytes.allSatisfy({ (0x21...0x7e).contains($0) }) else { return }
        problem(place(), found: Self.quoted(bytes), expected: "a path that begins with `/`, in visible ASCII")
    }

    mutating func absolutePath(_ text: String, _ place: @autoclosure () -> String) {
        guard !text.hasPrefix("/") || text.utf8.contains(0) else { return }
        problem(place(), found: Self.quoted(text), expected: "an absolute path")
    }

    /// For one of many: says it once, whatever is wrong with more of them.
    mutating func each<Element>(
        _ elements: some Collection<Element>, _ body: (inout SnapshotCheck, Element, Int) -> Void
    ) {
        for (index, element) in elements.enumerated() {
            guard problems.count < Self.limit else { return }
            body(&self, element, index)
        }
    }

    static func quoted(_ bytes: some Collection<UInt8>) -> String {
        quoted(String(decoding: bytes.prefix(80), as: UTF8.self))
    }

    /// In one line, cut short if it is long.
    static func quoted(_ text: String) -> String {
        guard !text.isEmpty else { return "nothing" }
        return "`" + text.prefix(80).unicodeScalars.map { $0.value < 0x20 || $0.value == 0x7f ? "?" : "\($0)" }.joined()
            + "`"
    }

    private static let tokenMarks = "!#$%&'*+-.^_`|~"

    private static func isTokenByte(_ byte: UInt8) -> Bool {
        (byte | 0x20) &- UInt8(ascii: "a") < 26 || byte &- UInt8(ascii: "0") < 10 || tokenMarks.utf8.contains(byte)
    }

    // MARK: - The snapshot as a whole

    private mutating func timeouts() {
        for (index, tls) in snapshot.listeners.map(\.tls).enumerated() {
            guard let tls else { continue }
            duration(tls.ticketRotation, in: Bounds.ticketRotations, "listeners[\(index)].tls.ticketRotation")
        }
        let timeouts = snapshot.timeouts
        duration(timeouts.requestHead, "timeouts.requestHead")
        duration(timeouts.handshake, "timeouts.handshake")
        duration(timeouts.idle, "timeouts.idle")
        duration(timeouts.connect, "timeouts.connect")
        duration(timeouts.responseHead, "timeouts.responseHead")
        duration(timeouts.body, "timeouts.body")
        duration(timeouts.stream, "timeouts.stream")
        duration(timeouts.drain, "timeouts.drain")
        duration(timeouts.drainDelay, in: Bounds.drainDelays, "timeouts.drainDelay")
    }

    private mutating func limits() {
        let limits = snapshot.limits
        number(limits.headBytes, in: Bounds.headBytes, "limits.headBytes")
        number(limits.headFields, in: Bounds.headFields, "limits.headFields")
        number(limits.responseFields, in: Bounds.responseFields, "limits.responseFields")
        number(limits.targetBytes, in: Bounds.targetBytes, "limits.targetBytes")
        number(limits.bodyBytes, in: 0...Int.max, "limits.bodyBytes")
        number(limits.minRate, in: Bounds.minRatesInCode, "limits.minRate")
        duration(limits.rateWindow, "limits.rateWindow")
        number(limits.connectionsPerListener, in: Bounds.connectionsPerListener, "limits.connectionsPerListener")
        number(limits.requestsPerWorker, in: Bounds.requestsPerWorker, "limits.requestsPerWorker")
        if let age = limits.connectionAge { duration(age, "limits.connectionAge") }
        number(limits.connectionRequests, in: Bounds.requestsPerConnection, "limits.connectionRequests")
        number(limits.bufferBytesPerWorker, in: Bounds.bufferBytesInCode, "limits.bufferBytesPerWorker")
    }

    private mutating func accessLog() {
        let log = snapshot.accessLog
        number(log.oneIn, in: Bounds.samples, "accessLog.oneIn")
        switch log.destination {
        case nil, .standardOutput: break
        case .file(let path, _): absolutePath(path, "accessLog.destination")
        case .syslog(let syslog):
            number(syslog.facility, in: Bounds.syslogFacilities, "accessLog.destination.facility")
            if case .local(let path) = syslog.target { socketPath(path, "accessLog.destination.target") }
            let isTag =
                Bounds.syslogTagBytes.contains(syslog.tag.utf8.count)
                && syslog.tag.utf8.allSatisfy { (0x21...0x7e).contains($0) }
            guard !isTag else { return }
            problem(
                "accessLog.destination.tag", found: Self.quoted(syslog.tag), expected: "1 to 48 visible characters")
        }
    }

    mutating func socketPath(_ path: String, _ place: @autoclosure () -> String) {
        absolutePath(path, place())
        guard path.hasPrefix("/"), !Bounds.socketPathBytes.contains(path.utf8.count) else { return }
        problem(place(), found: "\(path.utf8.count) bytes", expected: "a path of 2 to 107 bytes")
    }

    private mutating func operations() {
        let operations = snapshot.operations
        number(operations.keptRevisions, in: Bounds.keptRevisions, "operations.keptRevisions")
        duration(operations.watchInterval, in: Bounds.watchIntervals, "operations.watchInterval")
        duration(operations.resolveInterval, in: Bounds.resolveIntervals, "operations.resolveInterval")
        if let directory = operations.stateDirectory { absolutePath(directory, "operations.stateDirectory") }
        if let user = operations.user { label(user, "operations.user") }
        if let group = operations.group {
            label(group, "operations.group")
            if operations.user == nil {
                problem("operations.group", found: Self.quoted(group), expected: "a `user` beside it")
            }
        }
        each(operations.admin) { check, admin, index in
            if case .unix(let path) = admin.bind { check.socketPath(path, "operations.admin[\(index)].bind") }
            if admin.token?.bytes.isEmpty == true {
                check.problem(
                    "operations.admin[\(index)].token", found: "nothing", expected: "a secret, or nil for none")
            }
            if case .unix = admin.bind, admin.tls != nil {
                check.problem("operations.admin[\(index)].tls", found: "TLS on a Unix socket", expected: "none")
            }
            guard admin.role > admin.grantedRole else { return }
            check.problem(
                "operations.admin[\(index)].role", found: admin.role.rawValue,
                expected: "at most `\(admin.grantedRole.rawValue)`, unless there is a token")
        }
    }
}
