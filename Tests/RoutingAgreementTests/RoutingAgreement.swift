import ApusModel
import ApusTestKit
import Foundation
import Testing

@testable import ApusConfig

/// What `apus explain` and `apus test` say of requests is what a data plane does with them.
@Suite struct RoutingAgreement {
    /// By the tables: what is written there is told, and seen over sockets, and `apus test` finds it so.
    @Test(arguments: RoutingTable.all) func tablesAreToldAndDone(table: RoutingTable) throws {
        let routed = try RoutedProxy(configuration: table.configuration)
        for entry in table.cases {
            let told = try routed.told(entry.request)
            #expect(told.description == entry.outcome, "told of \(entry.request.line)")
            #expect(
                try routed.seen(entry.request, told: told).description == entry.outcome,
                "seen of \(entry.request.line)")
        }
        let tests = table.cases.filter(\.request.canBeWritten)
        let results = try RoutingTests(text: RoutingTests.file(tests, routed), file: "tests.yaml").run(routed.snapshot)
        #expect(results.count == tests.count)
        for result in results where !result.passed { Issue.record("\(result.text)") }
    }

    /// A client that takes Apus for a proxy writes the whole URL into its request line, and gets the same.
    @Test(arguments: RoutingTable.all) func absoluteTargetsGoTheSameWay(table: RoutingTable) throws {
        let routed = try RoutedProxy(configuration: table.configuration)
        for entry in table.cases where entry.request.hasAbsoluteForm {
            let told = try routed.told(entry.request)
            let target = String(entry.request.url.prefix { $0 != "#" })
            let seen = try routed.seen(entry.request, told: told, target: target).description
            // What is wrong with a host is wrong with the target there.
            #expect(
                seen == entry.outcome.replacing("bad_host", with: "bad_target"), "seen of \(entry.request.line)")
        }
    }

    /// `OPTIONS http://a` is how such a client writes `OPTIONS *` (RFC 9112 section 3.2.4).
    @Test func optionsForTheServerAreTheSameInBothForms() throws {
        let request = DescribedRequest(method: "OPTIONS", url: "*")
        for (table, outcome) in [
            (RoutingTable.paths, "server: next gets OPTIONS * at a"),
            (.redirects, "server: 308 to https://new.test/"), (.asTheyCame, "rest: web gets OPTIONS * at a"),
        ] {
            let routed = try RoutedProxy(configuration: table.configuration)
            let told = try routed.told(request)
            #expect(try routed.seen(request, told: told, target: "http://a").description == outcome)
        }
    }

    /// By chance: a hundred configurations of routes that often meet, and forty requests to each.
    @Test(arguments: 0..<4) func whateverTheRoutes(part: Int) throws {
        for seed in part * 25..<part * 25 + 25 {
            var random = RandomRouting(seed: UInt64(seed))
            let routes = random.routes(random.number(1...14))
            let routed = try RoutedProxy(
                routes, trusting: RandomRouting.proxies, paths: random.pick([.safe, .safe, .safe, .strict, .literal]))
            for _ in 0..<40 {
                let request = random.request()
                let told = try routed.told(request)
                let seen = try routed.seen(request, told: told)
                #expect(told.allows(seen), "seed \(seed): \(request.line): told \(told), seen \(seen); \(routes)")
                guard request.hasAbsoluteForm else { continue }
                let absolute = try routed.seen(request, told: told, target: request.url)
                #expect(
                    absolute.description == seen.description || told.pools.count > 1,
                    "seed \(seed): \(request.line) in absolute form: \(absolute), not \(seen)")
            }
        }
    }
}

extension DescribedRequest {
    var line: String {
        "\(method) \(url) \(headers.map { "\($0.name): \($0.value)" }.joined(separator: ", ")) from \(client)"
    }

    /// Whether it can be sent with its whole URL as its target, and mean the same.
    var hasAbsoluteForm: Bool {
        let isForServer = method == "OPTIONS" && !url.dropFirst("http://".count).contains { $0 == "/" || $0 == "?" }
        return url.hasPrefix("http://") && !isForServer && method != "CONNECT" && method != "TRACE"
            && !headers.contains { $0.name.lowercased() == "host" } && url.count < 8000
    }

    /// Whether a file of tests can hold it: there, a name has one value.
    var canBeWritten: Bool { Set(headers.map(\.name)).count == headers.count }
}

extension RoutingTests {
    /// A file of tests that expect what a data plane was seen to do.
    static func file(_ cases: [RoutingCase], _ routed: RoutedProxy) throws -> String {
        func quoted(_ text: String) throws -> String {
            let encoder = JSONEncoder()
            encoder.outputFormatting = .withoutEscapingSlashes
            return String(decoding: try encoder.encode(text), as: UTF8.self)
        }
        var lines = ["tests:"]
        for entry in cases {
            let seen = try routed.seen(entry.request, told: try routed.told(entry.request))
            var expected = ["route: \(seen.route)"]
            switch seen.answer {
            case .forwarded(_, let target, let host):
                if routed.snapshot.routes.contains(where: { $0.name == seen.route && $0.pools.count == 1 }) {
                    expected.append("pool: \(seen.pools.joined())")
                }
                expected.append("path: \(try quoted(String(target.prefix { $0 != "?" })))")
                expected.append("host: \(try quoted(host))")
            case .redirect(let status, let location):
                expected.append("status: \(status), location: \(try quoted(location))")
            case .response(let status, _): expected.append("status: \(status)")
            case .refused(let status, let reason): expected.append("status: \(status), reason: \(reason)")
            }
            for (key, fields) in [("headers", seen.requestFields), ("response_headers", seen.responseFields)] {
                // What was added stands behind what came, which a file of tests does not look at.
                let fields = fields.filter { $0.value.count == 1 && $0.key != "x-add" }
                guard !fields.isEmpty else { continue }
                let pairs = try fields.map { "\($0.key): \(try quoted($0.value[0]))" }
                expected.append("\(key): { \(pairs.joined(separator: ", ")) }")
            }
            let headers = try entry.request.headers.map { "\(try quoted($0.name)): \(try quoted($0.value))" }
            lines.append("  - request:")
            lines.append("      method: \(entry.request.method)")
            lines.append("      url: \(try quoted(entry.request.url))")
            lines.append("      client: \(entry.request.client)")
            if !headers.isEmpty { lines.append("      headers: { \(headers.joined(separator: ", ")) }") }
            lines.append("    expect: { \(expected.joined(separator: ", ")) }")
        }
        return lines.joined(separator: "\n") + "\n"
    }
}
