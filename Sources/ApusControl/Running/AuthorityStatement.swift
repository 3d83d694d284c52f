import ApusModel
import FoundationEssentials

/// What an authority says for a time: which certificates it has revoked, or that one is not revoked (OCSP).
struct AuthorityStatement: Sendable, Hashable {
    enum Kind: Sendable, Hashable {
        /// A list of certificates that the authority has revoked, by which certificates of clients are judged.
        case revocationList(issuer: String)
        /// A response that is shown with the certificate for that name.
        case response(name: String)
    }

    var kind: Kind
    var place: TLSPlace
    var file: String
    /// When it was made, in seconds since 1970.
    var since: Int64
    /// Until when it holds; nil for always, and where there is a fault.
    var until: Int64?
    /// Why it cannot be used, in words.
    var fault: String?

    enum State { case good, endsSoon, hasEnded, unusable }

    /// From when it is told that it ends: its last third, three days at most.
    ///
    /// Whoever fetches such statements does it after half of their life or less. One that is in its last third was not
    /// fetched when it should have been; and where it holds for weeks, three days are enough for somebody to look, over a
    /// weekend too.
    var warningTime: Int64? { until.map { $0 - min(max(0, $0 - since) / 3, 3 * 86_400) } }

    func state(at now: Int64) -> State {
        guard fault == nil else { return .unusable }
        guard let until, let warningTime else { return .good }
        return now >= until ? .hasEnded : now >= warningTime ? .endsSoon : .good
    }

    /// What somebody should know; nil where all is well.
    ///
    /// - Parameter name: what its place is called.
    func warning(at now: Int64, place name: String) -> String? {
        let state = state(at: now)
        let time = (until ?? 0).isoTime
        switch (kind, state) {
        case (_, .good): return nil
        case (.revocationList(let issuer), _):
            let end =
                state == .hasEnded
                ? "is out of date since \(time): nobody with a certificate of \(issuer) is let in"
                : "is out of date from \(time) on, and nobody with a certificate of \(issuer) is let in then"
            return "clients' certificates at \(name): the list \(file) \(end); put a newer one in its place"
        case (.response(let shown), _):
            let subject = "the OCSP response \(file) for \(shown) at \(name)"
            return switch state {
            case .unusable: "\(subject) is not shown: \(fault ?? "")"
            case .hasEnded: "\(subject) held until \(time), and is not shown any more; have a newer one fetched"
            default: "\(subject) holds until \(time), and is not shown any longer then; have a newer one fetched"
            }
        }
    }
}

/// A part of the configuration that speaks TLS, by its index in the snapshot.
enum TLSPlace: Sendable, Hashable {
    case listener(Int)
    case pool(Int)
    case admin(Int)

    /// - Parameter names: as other answers have them; nil for plain ones.
    func words(in snapshot: Snapshot, _ names: SnapshotNames? = nil) -> String {
        switch self {
        case .listener(let index): "listener \(names?.listenerNames[index] ?? snapshot.listeners[index].name)"
        case .pool(let index): "pool \(names?.poolNames[index] ?? snapshot.pools[index].name)"
        case .admin(let index): "admin server \(snapshot.operations.admin[index].bind)"
        }
    }
}

extension Snapshot {
    /// Those with TLS that are not retired, with their rules.
    private var tlsServers: [(place: TLSPlace, rules: ListenerTLS)] {
        let servers = listeners.enumerated().compactMap { index, listener in
            listener.isRetired ? nil : listener.tls.map { (TLSPlace.listener(index), $0) }
        }
        return servers
            + operations.admin.enumerated().compactMap { index, admin in admin.tls.map { (TLSPlace.admin(index), $0) } }
    }

    /// Every certificate that is shown, once for each place.
    var shownCertificates: [(place: TLSPlace, certificate: Certificate)] {
        let shown = tlsServers.flatMap { place, rules in rules.certificates.map { (place, $0.certificate) } }
        return shown
            + pools.enumerated().compactMap { index, pool in
                pool.isRetired ? nil : pool.tls?.certificate.map { (TLSPlace.pool(index), $0) }
            }
    }

    /// The newest list of each authority that has one, in the order of their places; each once for each place.
    var revocationLists: [AuthorityStatement] {
        tlsServers.flatMap { place, rules in
            var told: Set<AuthorityStatement> = []
            return rules.policies.compactMap { $0?.revoked }.flatMap { lists in
                lists.newest.map { list in
                    AuthorityStatement(
                        kind: .revocationList(issuer: list.issuer), place: place, file: lists.file,
                        since: list.thisUpdate, until: list.nextUpdate)
                }
            }.filter { told.insert($0).inserted }
        }
    }

    /// All that authorities say for a time.
    var authorityStatements: [AuthorityStatement] {
        revocationLists
            + shownCertificates.compactMap { place, certificate in
                guard let stapled = certificate.stapled else { return nil }
                let until = stapled.until == .max ? nil : stapled.until
                let fault = stapled.until == nil ? stapled.fault ?? "it is not usable" : nil
                return AuthorityStatement(
                    kind: .response(name: certificate.names.first ?? "no name"), place: place, file: stapled.file,
                    since: stapled.since ?? 0, until: until, fault: fault)
            }
    }
}

extension Int64 {
    /// Seconds since 1970 as `2027-01-31T12:00:00Z`.
    var isoTime: String { Date(timeIntervalSince1970: Double(self)).formatted(.iso8601) }
}

/// Says once of each certificate and each statement that it soon ends, or has just ended.
struct EndingWatch {
    /// Until when it has looked, in seconds since 1970: what had ended before is told where it is loaded.
    private var looked: Int64
    private var announced: Set<AuthorityStatement> = []

    init(now: Int64) { looked = now }

    /// The lines for the log.
    mutating func look(at snapshot: Snapshot, now: Int64) -> [String] {
        defer { looked = now }
        let just = { [looked] (time: Int64) in time > looked && time <= now }
        var lines: [String] = []
        var soon: Set<AuthorityStatement> = []
        for statement in snapshot.authorityStatements {
            let state = statement.state(at: now)
            if state == .endsSoon { soon.insert(statement) }
            let isNews =
                state == .endsSoon && !announced.contains(statement)
                || state == .hasEnded && just(statement.until ?? 0)
            guard isNews else { continue }
            if let line = statement.warning(at: now, place: statement.place.words(in: snapshot)) { lines.append(line) }
        }
        announced = soon
        for (place, certificate) in snapshot.shownCertificates where just(certificate.notAfter) {
            lines.append(
                "the certificate \(certificate.file ?? Certificate.textPlace) for "
                    + "\(certificate.names.first ?? "no name") at \(place.words(in: snapshot)) has ended "
                    + "(\(certificate.notAfter.isoTime)): peers refuse it; renew it, and put the new one in its place")
        }
        return lines
    }
}
