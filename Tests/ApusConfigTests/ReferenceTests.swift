import ApusConfig
import ApusModel
import Foundation
import Testing

/// docs/configuration.md says what the loader does.
@Suite struct ReferenceTests {
    static let text = try? String(
        contentsOf: URL(filePath: #filePath).deletingLastPathComponent()
            .appending(path: "../../docs/configuration.md"), encoding: .utf8)

    /// The YAML examples; a fragment is completed with the sections that it leaves out.
    static let examples: [String] = (text ?? "").components(separatedBy: "```yaml\n").dropFirst().map { part in
        var example = part.components(separatedBy: "```")[0]
        if !example.contains("listeners:") { example += "listeners: [{ bind: 127.0.0.1:8080 }]\n" }
        if !example.contains("pools:") { example += "pools: { web: { endpoints: [127.0.0.1:3001] } }\n" }
        return example
    }

    @Test func thereAreExamples() {
        #expect(Self.examples.count >= 40)
    }

    /// The default that the table of all keys states.
    func stated(_ key: String) throws -> String {
        let rows = try #require(Self.text).split(separator: "\n").filter { $0.hasPrefix("| ") }
        let row = try #require(rows.first { $0.split(separator: "|")[0].contains("`\(key)`") }, "no row for \(key)")
        return String(row.split(separator: "|")[2]).trimmingCharacters(in: [" ", "`"])
    }

    @Test func everyDefaultIsTheOneThatIsUsed() throws {
        let text = """
            listeners: [{ bind: 127.0.0.1:8080 }]
            pools:
              web:
                balance: \(try stated("pools.NAME.balance"))
                health:
                  interval: \(try stated("pools.NAME.health.interval"))
                  timeout: \(try stated("pools.NAME.health.timeout"))
                  rise: \(try stated("pools.NAME.health.rise"))
                  fall: \(try stated("pools.NAME.health.fall"))
                zone_aware: \(try stated("pools.NAME.zone_aware"))
                subset: \(try stated("pools.NAME.subset"))
                overprovisioning: \(try stated("pools.NAME.overprovisioning"))
                slow_start: \(try stated("pools.NAME.slow_start"))
                sticky: \(try stated("pools.NAME.sticky"))
                outliers: \(try stated("pools.NAME.outliers"))
                panic_threshold: \(try stated("pools.NAME.panic_threshold"))
                fallback: \(try stated("pools.NAME.fallback"))
                requests:
                  max_per_endpoint: \(try stated("pools.NAME.requests.max_per_endpoint"))
                  max: \(try stated("pools.NAME.requests.max"))
                  queue: \(try stated("pools.NAME.requests.queue"))
                breaker: \(try stated("pools.NAME.breaker"))
                pool_breaker: \(try stated("pools.NAME.pool_breaker"))
                retries:
                  body: \(try stated("pools.NAME.retries.body"))
                  backoff: \(try stated("pools.NAME.retries.backoff"))
                  max_backoff: \(try stated("pools.NAME.retries.max_backoff"))
                  budget: \(try stated("pools.NAME.retries.budget"))
                  min_per_second: \(try stated("pools.NAME.retries.min_per_second"))
                hedge: \(try stated("pools.NAME.hedge"))
                concurrency: \(try stated("pools.NAME.concurrency"))
                connections:
                  max_idle: \(try stated("pools.NAME.connections.max_idle"))
                  idle: \(try stated("pools.NAME.connections.idle"))
                  max: \(try stated("pools.NAME.connections.max"))
                endpoints: [{ address: 127.0.0.1:1, weight: \(try stated("pools.NAME.endpoints[].weight")) }]
            timeouts:
              request_head: \(try stated("timeouts.request_head"))
              idle: \(try stated("timeouts.idle"))
              connect: \(try stated("timeouts.connect"))
              response_head: \(try stated("timeouts.response_head"))
              body: \(try stated("timeouts.body"))
              drain: \(try stated("timeouts.drain"))
            limits:
              head: \(try stated("limits.head"))
              fields: \(try stated("limits.fields"))
              target: \(try stated("limits.target"))
              body: \(try stated("limits.body"))
              min_rate: \(try stated("limits.min_rate"))
              connections: \(try stated("limits.connections"))
              buffer_memory: \(try stated("limits.buffer_memory"))
              attempts: \(try stated("limits.attempts"))
            access_log: \(try stated("access_log"))
            admin: \(try stated("admin"))
            state: \(try stated("state"))
            watch: \(try stated("watch"))
            """
        let implied = """
            listeners: [{ bind: 127.0.0.1:8080 }]
            pools: { web: { endpoints: [127.0.0.1:1] } }
            """
        #expect(GoldenTests.outcome(text: text, file: "f") == GoldenTests.outcome(text: implied, file: "f"))
    }

    /// Sections that are off unless they are written: with what they need, every key with its stated default says the
    /// same as the key left out.
    @Test(arguments: [
        ("slow_start", "window: 30s", ["aggression"]),
        (
            "sticky", "cookie: apus, secret: 0123456789abcdef",
            ["lifetime", "path", "secure", "http_only", "same_site"]
        ),
        ("sticky", "learn: id", ["capacity"]),
        ("hash", "", ["method", "load_factor"]),
        ("hash.client", "", ["ipv4_prefix", "ipv6_prefix"]),
        ("health", "path: /", ["method"]),
        ("health.expect", "", ["status"]),
        (
            "outliers", "",
            [
                "consecutive_5xx", "consecutive_gateway_errors", "success_rate_deviations", "latency_factor",
                "min_hosts", "min_volume", "interval", "ejection", "max_ejection", "max_ejected", "return_on_probe",
            ]
        ),
        ("fallback", "body: Sorry", ["status", "content_type"]),
        ("requests.queue", "", ["length", "timeout", "order"]),
        (
            "breaker", "slow: 10%",
            [
                "consecutive_failures", "failures", "slow_after", "window", "min_volume", "open", "max_open", "trials",
            ]
        ),
        (
            "concurrency", "",
            ["initial", "min", "max", "interval", "tolerance", "retry_after"]
        ),
    ])
    func everyDefaultOfASectionIsTheOneThatIsUsed(section: String, needed: String, keys: [String]) throws {
        func outcome(_ keys: [String]) throws -> String {
            var entries = try keys.map { key in
                "\(key): \(try stated("pools.NAME.\(section).\(key)").components(separatedBy: "`;")[0])"
            }
            if !needed.isEmpty { entries.insert(needed, at: 0) }
            var text = "{ \(entries.joined(separator: ", ")) }"
            for name in section.split(separator: ".").reversed() { text = "{ \(name): \(text) }" }
            if section == "health.expect" { text = text.replacing("{ health: {", with: "{ health: { path: /,") }
            let balance = section.hasPrefix("hash") ? "hash" : "round-robin"
            text = "{ balance: \(balance), endpoints: [127.0.0.1:1], " + text.dropFirst(2)
            let file = "listeners: [{ bind: 127.0.0.1:8080 }]\npools: { web: \(text) }\n"
            let loaded = try ConfigurationLoader.scripted.load(text: file, file: "f")
            return loaded.snapshot.inLines.joined(separator: "\n")
        }
        #expect(try outcome(keys) == outcome([]))
    }

    @Test func withoutAKeyAHashIsOfWhatTheTableStates() throws {
        func hash(_ rules: String) throws -> HashRules {
            let text = """
                listeners: [{ bind: 127.0.0.1:8080 }]
                pools: { web: { balance: hash, endpoints: [127.0.0.1:1]\(rules) } }
                """
            return try ConfigurationLoader.scripted.load(text: text, file: "f").snapshot.pools[0].hash
        }
        #expect(try hash("") == hash(", hash: \(stated("pools.NAME.hash"))"))
    }

    /// The keys that the loader names when it finds another, which `what` has.
    static func keys(of what: String) throws -> [String] {
        let errors = try #require(throws: ConfigurationErrors.self) {
            try ConfigurationLoader.scripted.load(text: what, file: "f")
        }
        let message = try #require(errors.diagnostics.first { $0.message.contains("unknown key") }).message
        let list = try #require(message.components(separatedBy: "expected ").last)
        return list.components(separatedBy: ", ").map { $0.trimmingCharacters(in: ["`"]) }
    }

    /// Each section with its path in the table, and a text that has an unknown key there.
    static let sections: [(String, String)] = {
        let pool = "listeners: [{ bind: 127.0.0.1:8080 }]\npools: { web: { endpoints: [127.0.0.1:1], "
        let route = "listeners: [{ bind: 127.0.0.1:1, routes: [{ "
        return [
            ("", "qqq: 1"), ("listeners[].", "listeners: [{ bind: 127.0.0.1:1, qqq: 1 }]"),
            ("listeners[].routes[].", "listeners: [{ bind: 127.0.0.1:1, routes: [{ pool: a, qqq: 1 }] }]"),
            ("pools.NAME.", pool + "qqq: 1 } }"),
            ("pools.NAME.endpoints[].", "pools: { web: { endpoints: [{ address: 127.0.0.1:1, qqq: 1 }] } }"),
            ("pools.NAME.hash.", pool + "hash: { qqq: 1 } } }"),
            ("pools.NAME.slow_start.", pool + "slow_start: { window: 1s, qqq: 1 } } }"),
            ("pools.NAME.health.", pool + "health: { qqq: 1 } } }"),
            ("pools.NAME.health.expect.", pool + "health: { expect: { qqq: 1 } } } }"),
            ("pools.NAME.outliers.", pool + "outliers: { qqq: 1 } } }"),
            ("pools.NAME.fallback.", pool + "fallback: { qqq: 1 } } }"),
            ("pools.NAME.connections.", pool + "connections: { qqq: 1 } } }"),
            ("pools.NAME.requests.", pool + "requests: { qqq: 1 } } }"),
            ("pools.NAME.requests.queue.", pool + "requests: { queue: { qqq: 1 } } } }"),
            ("pools.NAME.breaker.", pool + "breaker: { qqq: 1 } } }"),
            ("pools.NAME.retries.", pool + "retries: { qqq: 1 } } }"),
            ("pools.NAME.hedge.", pool + "hedge: { after: 1s, qqq: 1 } } }"),
            ("pools.NAME.concurrency.", pool + "concurrency: { qqq: 1 } } }"),
            ("pools.NAME.sticky.", pool + "sticky: { cookie: a, qqq: 1 } } }"),
            ("timeouts.", "timeouts: { qqq: 1 }"), ("limits.", "limits: { qqq: 1 }"),
            ("listeners[].routes[].redirect.", route + "redirect: { to: /, qqq: 1 } }] }]"),
            ("listeners[].routes[].respond.", route + "respond: { qqq: 1 } }] }]"),
            ("listeners[].routes[].rewrite.", route + "pool: a, rewrite: { qqq: 1 } }] }]"),
            ("listeners[].routes[].headers.", route + "pool: a, headers: { qqq: 1 } }] }]"),
            ("listeners[].routes[].headers.request.", route + "pool: a, headers: { request: { qqq: 1 } } }] }]"),
            ("listeners[].routes[].timeouts.", route + "pool: a, timeouts: { qqq: 1 } }] }]"),
            ("listeners[].routes[].retries.", route + "pool: a, retries: { qqq: 1 } }] }]"),
            ("listeners[].routes[].limits.", route + "pool: a, limits: { qqq: 1 } }] }]"),
            ("access_log.", "access_log: { to: stdout, qqq: 1 }"), ("admin.", "admin: { bind: \":1\", qqq: 1 }"),
            ("process.", "process: { qqq: 1 }"), ("state.", "state: { directory: /, qqq: 1 }"),
        ]
    }()

    /// Every key that the loader knows has its row in the table.
    @Test func theTableHasEveryKey() throws {
        let rows = try #require(Self.text).split(separator: "\n").filter { $0.hasPrefix("| ") }
        for (path, text) in Self.sections {
            for key in try Self.keys(of: text) where "\(path)\(key)" != "pools.NAME.health.expect" {
                #expect(rows.contains { $0.contains("`\(path)\(key)`") }, "no row for \(path)\(key)")
            }
        }
    }
}
