import ApusAddresses
import ApusConfig
import ApusModel
import Testing

/// What a reload would change, in words.
@Suite struct ConfigurationChangesTests {
    static let base = """
        workers: 2
        listeners:
          - { name: web, bind: 127.0.0.1:8080, routes: [
            { path: /a, pool: web }, { path: /b, pool: web }, { path: /c, pool: web }, { pool: web } ] }
        pools:
          web:
            sticky: { cookie: s, secret: 0123456789abcdef }
            health: { path: /healthz, headers: { Authorization: Bearer 123 } }
            endpoints: [10.0.0.1:80, { address: 10.0.0.2:80, weight: 3 }]
        """

    static func snapshot(_ text: String) throws -> Snapshot {
        try ConfigurationLoader.scripted.load(text: text, file: "apus.yaml").snapshot
    }

    /// The changes that replacing these texts in the base makes.
    static func changes(_ replacements: (String, String)...) throws -> ConfigurationChanges {
        var text = base
        for (old, new) in replacements {
            #expect(text.contains(old))
            text = text.replacing(old, with: new)
        }
        return ConfigurationChanges(from: try snapshot(base), to: try snapshot(text))
    }

    @Test func nothingChangesBetweenTheSame() throws {
        let changes = try Self.changes()
        #expect(changes.isEmpty)
        #expect(changes.lines == [])
        #expect(changes.summary == "nothing changes")
    }

    @Test func endpointsComeGoAndChange() throws {
        let changes = try Self.changes(
            ("[10.0.0.1:80, { address: 10.0.0.2:80, weight: 3 }]", "[{ address: 10.0.0.2:80, weight: 0 }, 10.0.0.3:80]")
        )
        #expect(
            changes.lines == [
                "pool web: endpoint 10.0.0.2:80: weight 3 -> 0; it drains: only its sessions go on",
                "pool web: endpoint 10.0.0.3:80 added, weight 1",
                "pool web: endpoint 10.0.0.1:80 removed; it gets no new requests, and finishes those that it has",
            ])
        #expect(changes.summary == "1 endpoint added, 1 endpoint removed, 1 endpoint changed")
    }

    @Test func rulesAreToldInTheWordsOfTheFile() throws {
        let changes = try Self.changes(
            ("health: { path: /healthz", "outliers: { consecutive_5xx: 3 }\n    health: { interval: 1s, path: /up"),
            ("workers: 2", "timeouts: { idle: 2m }\nworkers: 4"))
        #expect(
            changes.lines == [
                "pool web: health.path /healthz -> /up, health.interval 5s -> 1s, outliers.consecutive_5xx off -> 3",
                "workers 2 -> 4; a reload leaves it as it is: it takes an upgrade",
                "timeouts.idle 75s -> 2m",
            ])
        #expect(changes.needingUpgrade.map(\.name) == ["workers"])
        #expect(changes.summary == "1 pool changed, 2 settings changed (workers: at the next upgrade)")
    }

    @Test func whatASuccessorInheritsTakesARestart() throws {
        let changes = try Self.changes(("workers: 2", "process: { user: apus }\nstate: /var/lib/apus\nworkers: 2"))
        #expect(
            changes.lines == [
                "process.user none -> apus; a reload leaves it as it is: it takes a restart",
                "state.directory none -> /var/lib/apus; a reload leaves it as it is: it takes an upgrade",
            ])
    }

    @Test func listenersComeAndGo() throws {
        let changes = try Self.changes(("bind: 127.0.0.1:8080", "bind: 127.0.0.1:8081"))
        #expect(
            changes.lines == [
                "listener web at 127.0.0.1:8081 added, 4 routes; it is bound before anything else changes",
                "listener web at 127.0.0.1:8080 removed; "
                    + "it accepts nobody new, and its connections end once they have finished what they began",
            ])
    }

    @Test func routesThatMovedAreTold() throws {
        let changes = try Self.changes(
            (
                "{ path: /a, pool: web }, { path: /b, pool: web }, { path: /c, pool: web }",
                "{ path: /c, pool: web }, { path: /a, pool: web }, { path: /b, pool: web }"
            ))
        #expect(changes.lines == ["listener web: route /c moved, from place 3 to 1; it is tried earlier"])
    }

    @Test func routesThatComeGoAndChangeAreTold() throws {
        let changes = try Self.changes(
            ("{ path: /b, pool: web }", "{ path: /d, pool: web }"),
            ("{ path: /a, pool: web }", "{ path: /a, pool: api }"),
            ("  web:\n", "  api: { endpoints: [10.0.1.1:80] }\n  web:\n"))
        #expect(
            changes.lines == [
                "listener web: route /a: pool web -> api",
                "listener web: route /d added, in place 2 of 4, to pool web",
                "listener web: route /b removed, to pool web; requests that it has go on as they began",
                "pool api added, round-robin, 1 endpoint",
            ])
    }

    @Test func secretsAreComparedAndNeverShown() throws {
        let changes = try Self.changes(
            ("secret: 0123456789abcdef", "secret: fedcba9876543210"), ("Bearer 123", "Bearer 456"))
        #expect(
            changes.lines == [
                "pool web: health.headers.Authorization changed, sticky.secret changed; "
                    + "clients with sessions are placed anew"
            ])
        let all = "\(changes)"
        #expect(!all.contains("123") && !all.contains("456") && !all.contains("fedc"))
    }

    /// What stands behind a sensitive name of a query is told by nobody: not where it changes, comes or goes.
    @Test func secretsInQueriesAreNeverShown() throws {
        let redirect = ("{ path: /b, pool: web }", "{ path: /b, redirect: \"https://a.test/?token=hunter2&x=1\" }")
        let one = try Self.changes(redirect)
        #expect(one.lines.contains { $0.contains("https://a.test/?token=*******&x=1") }, "\(one.lines)")
        let health = try Self.changes(("path: /healthz", "path: /healthz?access_token=hunter2"))
        #expect(health.lines == ["pool web: health.path /healthz -> /healthz?access_token=*******"])
        func snapshot(_ token: String) throws -> Snapshot {
            try Self.snapshot(
                Self.base.replacing(redirect.0, with: redirect.1).replacing("hunter2", with: token)
                    .replacing("/healthz", with: "/healthz?sig=\(token)"))
        }
        let other = ConfigurationChanges(from: try snapshot("hunter2"), to: try snapshot("hunter3"))
        #expect(other.lines == ["listener web: route /b: redirect changed", "pool web: health.path changed"])
        #expect(!"\(one)\(health)\(other)".contains("hunter"))
        let words = try snapshot("hunter2").routes.map { Settings($0, of: try snapshot("hunter2")).words }
        #expect(!"\(words)".contains("hunter"))
    }

    @Test func theAdminsTokenIsNeverShown() throws {
        func snapshot(_ token: String) throws -> Snapshot {
            let base = try Self.snapshot(Self.base)
            let bind = SocketAddress(ip: .anyIPv6, port: 9900)
            return Snapshot(
                workers: base.workers, listeners: base.listeners, routes: base.routes, pools: base.pools,
                endpoints: base.endpoints, timeouts: base.timeouts, limits: base.limits, node: base.node,
                operations: Operations(admin: [Admin(bind, token: Secret(Array(token.utf8)))]))
        }
        let changes = ConfigurationChanges(from: try snapshot("one-token"), to: try snapshot("another"))
        #expect(changes.lines == ["admin([::]:9900).token changed"])
        #expect(!"\(changes)".contains("one-token"))
    }

    @Test func adminListenersAreCompared() throws {
        let one = try Self.snapshot(Self.base + "\nadmin: { bind: 127.0.0.1:9900 }")
        let other = try Self.snapshot(
            Self.base + """

                admin:
                  - { bind: "unix:/run/apus/admin.sock" }
                  - { bind: 127.0.0.1:9900, role: metrics, hosts: [lb.internal] }
                """)
        let changes = ConfigurationChanges(from: one, to: other)
        #expect(
            changes.lines == [
                "admin.bind 127.0.0.1:9900 -> unix:/run/apus/admin.sock, 127.0.0.1:9900; "
                    + "a reload leaves it as it is: it takes an upgrade",
                "admin(127.0.0.1:9900).role read -> metrics", "admin(127.0.0.1:9900).hosts any -> lb.internal",
            ])
        #expect(changes.needingUpgrade.count == 1)
    }

    @Test func whatIsRetiredIsNotThere() throws {
        let one = try Self.snapshot(Self.base)
        let other = try Self.snapshot(Self.base.replacing("10.0.0.1:80, ", with: ""))
        let running = Succession(from: one, to: other).snapshot
        #expect(running.endpoints.contains { $0.isRetired })
        #expect(ConfigurationChanges(from: running, to: other).isEmpty)
        let back = ConfigurationChanges(from: running, to: one)
        #expect(back.lines == ["pool web: endpoint 10.0.0.1:80 added, weight 1"])
    }

    @Test func noMoreRoutesAreToldToHaveMovedThanMust() {
        for seed in 0..<200 {
            var random = SplitMix(UInt64(seed))
            let order = Array(0..<(seed % 9)).shuffled(using: &random)
            var best = 0
            for mask in 0..<(1 << order.count) {
                let chosen = order.indices.filter { mask >> $0 & 1 == 1 }.map { order[$0] }
                if chosen == chosen.sorted() { best = max(best, chosen.count) }
            }
            #expect(longest(order) == best, "\(order)")
        }
    }

    /// What changes of TLS, listener by listener, and what becomes of connections.
    @Test func whatChangesOfTLSIsTold() throws {
        func changes(_ old: String, _ new: String) throws -> ConfigurationChanges {
            func load(_ tls: String) throws -> Snapshot {
                try Self.snapshot(
                    "listeners: [{ name: e, bind: \":443\", tls: { \(tls) } }]\npools: { web: { endpoints: [\"10.0.0.1:80\"] } }\n"
                )
            }
            return ConfigurationChanges(from: try load(old), to: try load(new))
        }
        let site = "certificates: [{ certificate: tls/site.pem, key: tls/site.key }"
        let pair = "\(site), { certificate: tls/other.pem, key: tls/other.key }]"
        let kept = "; its connections are kept; new ones fare by the new rule"
        let ended =
            "; clients are asked anew: its idle connections end at once, others after the request that they have"
        let names = try changes(
            "\(pair), clients: { ca: tls/ca.pem, names: [\"CN=alice\"] }",
            "\(pair), clients: { ca: tls/ca.pem, names: [\"CN=alice\", \"CN=bob\"], mode: optional }, minimum: 1.3")
        #expect(
            names.lines == [
                "listener e at [::]:443: tls.clients.mode required -> optional, tls.clients.names CN=alice -> "
                    + "[CN=alice, CN=bob], tls.minimum 1.2 -> 1.3\(ended)"
            ])
        #expect(names.summary == "1 listener changed")
        #expect(
            try changes(pair, "\(pair), minimum: 1.3").lines == [
                "listener e at [::]:443: tls.minimum 1.2 -> 1.3\(kept)"
            ])
        // Only one of them asks.
        func some(_ clients: String) -> String {
            "\(site), { certificate: tls/other.pem, key: tls/other.key, clients: \(clients) }]"
        }
        #expect(
            try changes(some("{ ca: tls/ca.pem, mode: optional }"), some("{ ca: tls/ca.pem }")).lines == [
                "listener e at [::]:443: tls.certificates(other.test).clients.mode optional -> required\(ended)"
            ])
        let on = try changes(some("off"), some("{ ca: tls/ca.pem }")).lines
        #expect(
            on.count == 1 && on[0].contains(" tls.certificates(other.test).clients off -> { ca: tls/ca.pem, "), "\(on)")
        let gone = try changes(pair, "\(site)]").lines
        #expect(gone.count == 1 && gone[0].contains(": tls.certificates(other.test) tls/other.pem, until "), "\(gone)")
        // Of two for the same names, each is compared with itself.
        let two = "\(site), { certificate: tls/site-rsa.pem, key: tls/site-rsa.key }]"
        #expect(try changes(two, "\(two), strict: on").lines == ["listener e at [::]:443: tls.strict off -> on\(kept)"])
    }

    /// A listener that changes in several ways is one.
    @Test func listenersAreCountedOnce() throws {
        let changes = try Self.changes(
            (
                "{ name: web, bind: 127.0.0.1:8080,",
                "{ name: web, bind: 127.0.0.1:8080, apus_reason: hide, paths: strict,"
            ))
        #expect(changes.lines.count == 2 && changes.summary == "1 listener changed")
    }

    @Test func anotherRuleForPathsIsTold() {
        func snapshot(_ paths: PathRule) -> Snapshot {
            let address = SocketAddress(ip: .anyIPv4, port: 1)
            return Snapshot(
                workers: 1, listeners: [Listener(name: "l", bind: address, routes: 0..<0, paths: paths)], routes: [],
                pools: [], endpoints: [])
        }
        let changes = ConfigurationChanges(from: snapshot(.safe), to: snapshot(.literal)).changes
        #expect(changes.map(\.details) == [["paths safe -> literal"]])
        #expect(changes.map(\.subject) == [.listener])
    }

    /// By way of routes: those that did not move.
    private func longest(_ order: [Int]) -> Int {
        func snapshot(_ order: [Int]) -> Snapshot {
            Snapshot(
                workers: 1,
                listeners: [Listener(name: "l", bind: SocketAddress(ip: .anyIPv6, port: 1), routes: 0..<order.count)],
                routes: order.map { Route(name: "r\($0)", pool: 0) }, pools: [Pool(name: "p", endpoints: 0..<0)],
                endpoints: [])
        }
        let changes = ConfigurationChanges(from: snapshot(order.sorted()), to: snapshot(order))
        return order.count - changes.changes.count
    }
}

/// A generator whose numbers a seed repeats.
struct SplitMix: RandomNumberGenerator {
    private var state: UInt64

    init(_ seed: UInt64) { state = seed }

    mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xbf58_476d_1ce4_e5b9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94d0_49bb_1331_11eb
        return mixed ^ (mixed >> 31)
    }
}
