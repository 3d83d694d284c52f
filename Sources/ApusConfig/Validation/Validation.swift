import ApusAddresses
import ApusModel
import Crypto

/// Checks what the sections say about each other, and builds the snapshot from them.
struct Validation {
    let root: RootSection
    let poolIndexes: [String: Int]
    let loader: ConfigurationLoader
    /// What was found for each name.
    private(set) var lookups: [String: [IPAddress]] = [:]
    private var timeOfLookups = Duration.zero
    private lazy var poolNames = Suggestions(root.pools.map(\.name.value))
    /// What the sessions of all pools without a secret are signed with.
    private(set) lazy var randomSecret = SymmetricKey(data: loader.makeSecret())
    var findings: Findings
    /// By index of the pool, for those with session cookies of Apus's own.
    var signers: [Int: SessionSigner] = [:]
    /// The pools with host names among their endpoints, and the name of a syslog server.
    var named: [NamedEndpoints] = []
    var logServer: NamedServer?
    /// Names that lead to the admin server.
    var refused: [OwnEndpoint] = []
    /// Pairs that are not taken.
    var keptPairs: Set<KeptPair> = []
    /// Of everything that has been built so far.
    var origins = Origins()
    /// Certificates without those of their issuers, and the authorities that clients or endpoints are believed by.
    var lone: [LoneCertificate] = []
    var believed: [Authorities] = []

    init(_ root: RootSection, _ loader: ConfigurationLoader, findings: Findings) {
        self.root = root
        self.loader = loader
        self.findings = findings
        poolIndexes = Dictionary(
            root.pools.enumerated().map { ($0.element.name.value, $0.offset) }, uniquingKeysWith: { first, _ in first })
    }

    /// Nil when something that it needs is missing; there are errors in `findings` then.
    mutating func snapshot() -> Snapshot? {
        let admin = adminListeners()
        let (pools, endpoints) = poolsAndEndpoints(admin.compactMap(\.self))
        let (listeners, routes) = listenersAndRoutes()
        var operations = Operations(
            admin: admin.compactMap(\.self), user: root.process.user, group: root.process.group,
            stateDirectory: root.state.directory, keptRevisions: root.state.kept, watchInterval: root.watchInterval)
        operations.resolveInterval = root.resolveInterval
        let accessLog = accessLog()
        checkBinds(listeners, admin)
        warnOfOwnPlaces(listeners.compactMap(\.self), operations.admin, pools, endpoints)
        var clientFields = root.clientFields
        clientFields.saysVia = root.saysVia
        warnOfUnusedPools()
        warnOfLoneCertificates()
        guard !findings.hasErrors else { return nil }
        return Snapshot(
            workers: root.workers ?? max(1, loader.defaultWorkers), listeners: listeners.compactMap(\.self),
            routes: routes,
            pools: pools, endpoints: endpoints, timeouts: root.timeouts, limits: root.limits.limits,
            trustedProxies: root.trustedProxies, clientFields: clientFields, accessLog: accessLog,
            node: root.node ?? loader.defaultNode, zone: root.zone?.value, operations: operations,
            sharing: loader.running)
    }

    func place(_ position: SourcePosition) -> Origins.Place {
        Origins.Place(file: findings.source(of: position).file, position: position.withoutSource)
    }

    /// The socket address that `authority` stands for; nil, with an error, when its name has none.
    ///
    /// A name's first IPv4 address is taken, else its first IPv6 address.
    mutating func address(of authority: Located<Authority>) -> SocketAddress? {
        let port = authority.value.port
        switch authority.value.host {
        case .all: return SocketAddress(ip: .anyIPv6, port: port)
        case .address(let ip): return SocketAddress(ip: ip, port: port)
        case .name(let name):
            if let ip = AddressFamily.auto.chosen(of: addresses(of: name, isNeeded: true)).first {
                return SocketAddress(ip: ip, port: port)
            }
            findings.error(
                "the host name `\(name)` has no address; check its spelling and the name service, or write an address",
                at: authority.position, isPassing: true)
            return nil
        }
    }

    /// The addresses of a name, of both families; none where it has none.
    ///
    /// - Parameter isNeeded: there is no doing without it.
    mutating func addresses(of name: String, isNeeded: Bool = false) -> [IPAddress] {
        if let known = lookups[name] { return known }
        guard isNeeded || timeOfLookups < loader.patienceWithNames else { return [] }
        let start = ContinuousClock.now
        let resolve = loader.resolve
        // A name service that says nothing takes as long as its own rules say.
        let addresses =
            isNeeded ? resolve(name) : within(loader.patienceWithNames - timeOfLookups) { resolve(name) } ?? []
        timeOfLookups += start.duration(to: .now)
        lookups[name] = addresses
        return addresses
    }

    /// The index of the pool of that name; nil, with an error, when there is none.
    mutating func pool(named name: Located<String>) -> Int? {
        if let pool = poolIndexes[name.value] { return pool }
        // Without pools to name, the missing `pools` is the mistake, and told already.
        guard !root.pools.isEmpty else { return nil }
        let advice =
            poolNames.nearest(to: name.value).map { "did you mean `\($0)`?" }
            ?? "expected one of \(root.pools.prefix(10).map { "`\($0.name.value)`" }.joined(separator: ", "))"
        findings.error("there is no pool \(Node.quoted(name.value, by: "`")); \(advice)", at: name.position)
        return nil
    }

    private mutating func warnOfUnusedPools() {
        // While something is wrong, a pool may only seem unused: its route may be the mistake.
        guard !findings.hasErrors, root.listeners.allSatisfy({ $0.routes != nil }) else { return }
        var used: Set<String> = []
        for routes in root.listeners.lazy.compactMap(\.routes) {
            for index in routes.indices {
                guard case .forward(let branches, _) = routes[index].action else { continue }
                for branch in branches { used.insert(branch.pool.value) }
            }
        }
        for case .pool(let name) in root.pools.map(\.fallback) { used.insert(name.value) }
        for pool in root.pools where !used.contains(pool.name.value) {
            findings.warning(
                "the pool `\(pool.name.value)` is used by no route and no `fallback`", at: pool.name.position)
        }
    }
}
