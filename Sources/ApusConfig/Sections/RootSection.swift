import ApusAddresses
import ApusModel

/// The whole file: every section, with what could be read of it.
struct RootSection {
    var node: String?
    var zone: Located<String>?
    var workers: Int?
    var listeners: [ListenerSection] = []
    var pools: [PoolSection] = []
    /// `pools` was written, though perhaps not as it must be.
    var hasPools = false
    var timeouts = Timeouts()
    var limits = LimitsSection()
    var trustedProxies: [Network] = []
    var clientFields = ClientFields()
    var saysVia = false
    var accessLog = AccessLogSection()
    var admin: [AdminSection] = []
    var process = ProcessSection()
    var state = StateSection()
    var watchInterval: Duration?
    var resolveInterval: Duration? = Operations.usualResolveInterval

    private init() {}

    /// - Parameter isComplete: whether all that the files include could be read; if not, nothing is missed in them.
    init?(_ document: Node, isComplete: Bool = true, _ findings: inout Findings) {
        guard
            var section = Section(
                document, "a configuration", example: "listeners: ...", at: .start, &findings)
        else { return nil }
        section.isPart = !isComplete
        read(&section, of: Located(value: "configuration", position: .start), &findings)
    }

    /// What `diff` and `explain` show of a configuration that runs: what is said once for the whole.
    init(_ snapshot: Snapshot) {
        node = snapshot.node
        zone = snapshot.zone.map { Located(value: $0, position: .start) }
        workers = snapshot.workers
        timeouts = snapshot.timeouts
        limits = LimitsSection(snapshot.limits)
        trustedProxies = snapshot.trustedProxies
        clientFields = snapshot.clientFields
        saysVia = snapshot.clientFields.saysVia
        accessLog = AccessLogSection(snapshot.accessLog)
        admin = snapshot.operations.admin.map { AdminSection($0) }
        process = ProcessSection(snapshot.operations)
        state = StateSection(snapshot.operations)
        watchInterval = snapshot.operations.watchInterval
        resolveInterval = snapshot.operations.resolveInterval
    }
}

extension RootSection: Keyed {
    static let usual = RootSection()

    static let keys: [SectionKey<RootSection>] = traffic + limiting + running

    private static let count = Kind.integer(in: Bounds.workers)

    private static let traffic: [SectionKey<RootSection>] = [
        SectionKey("node", \.node, Kind.name.ifWritten, "This balancer's own name.", usually: "the host's name"),
        SectionKey(
            "zone", .named(.name), "The zone that this balancer is in.", told: { $0.zone.map { .word($0.value) } },
            read: { field, owner, findings in
                owner.zone = field.name(&findings)
                return owner.zone != nil
            }),
        SectionKey(
            "workers", \.workers, workers, "Threads that carry traffic.", usually: "one per core", change: .upgrade),
        SectionKey(
            "listeners", \.listeners, ListenerSection.kind, "Addresses on which clients are accepted.",
            needed: "[{ bind: 127.0.0.1:8080 }]"),
        SectionKey(
            "pools", \.pools, PoolSection.kind, "Endpoints that answer alike, by name.",
            usually: "required, unless no route needs one"),
    ]

    private static let limiting: [SectionKey<RootSection>] = [
        SectionKey("timeouts", \.timeouts, Kind.section(example: "{ connect: 3s }"), "How long anything may take."),
        SectionKey("limits", \.limits, Kind.section(example: "{ body: 10MB }"), "How much of anything there may be."),
        SectionKey(
            "trusted_proxies", \.trustedProxies,
            .networks(
                everybody: "any client may say in X-Forwarded-For who it is; name the networks of your proxies"),
            "Proxies whose X-Forwarded fields are believed.",
            usually: "none"),
        SectionKey(
            "client_headers", \.clientFields, Kind.section(example: "{ remove: [X-Tenant], keep: [Remote-User] }"),
            "Which headers of clients are removed because of their names.", usually: "the usual ones are removed"),
        SectionKey("via", \.saysVia, Kind.onOrOff, "Whether Via tells origins that requests came through Apus."),
    ]

    private static let running: [SectionKey<RootSection>] = [
        SectionKey("access_log", \.accessLog, AccessLogSection.kind, "Where one line per request goes."),
        SectionKey("admin", \.admin, AdminSection.kind, "The admin server's listeners.", usually: "off"),
        SectionKey("process", \.process, Kind.section(example: "{ user: apus }"), "Whom the process becomes."),
        SectionKey("state", \.state, StateSection.kind, "Where revisions are kept.", usually: "off"),
        SectionKey("watch", \.watchInterval, watch.or("off"), "How often the files are looked at for changes."),
        SectionKey(
            "resolve", \.resolveInterval, Kind.duration(in: Bounds.resolveIntervals).or("off"),
            "How often host names of endpoints are looked up again."),
        // Carried out already.
        SectionKey(
            "include", Shape.text().oneOrMore, "Further files, seen from this one; `*` stands for any text.",
            words: "a path, or a list of them"),
    ]

    mutating func check(_ written: WrittenKeys, _ findings: inout Findings) {
        hasPools = written["pools"] != nil
        guard !hasPools, needsPools else { return }
        written.section.report(missing: "pools", example: "{ web: { endpoints: [127.0.0.1:3001] } }", &findings)
    }

    /// Whether requests go to a pool, or may be meant to.
    private var needsPools: Bool {
        listeners.isEmpty
            || listeners.contains { listener in
                guard let routes = listener.routes else { return !listener.redirectsToHTTPS }
                return routes.contains { !$0.isAnswered }
            }
    }

    private static let workers = Kind<Int?>(
        count.shape, told: { $0.flatMap(count.told) },
        read: { field, findings in
            guard field.node.text == "auto" else { return count.read(field, &findings).map { .some($0) } }
            field.reject(
                expected: "a whole number from \(Bounds.workers.lowerBound) to \(Bounds.workers.upperBound)",
                hint: "leave it out for one per core", &findings)
            return nil
        })

    private static let interval = Kind.duration(in: Bounds.watchIntervals)
    private static let watch = Kind<Duration>(
        interval.shape.or("on"), words: "`on`, \(interval.shape.words)", told: interval.told,
        read: { field, findings in field.node.plainText == "on" ? .seconds(2) : interval.read(field, &findings) })
}
