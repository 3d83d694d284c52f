import ApusAddresses
import ApusHTTP
import ApusModel
import ApusProxy
import ApusTestKit
import Foundation
import Testing

/// Routes with several pools: shares by weight, and clients that stay where they were.
@Suite struct Splits {
    static func origins(_ count: Int) throws -> [Origin] {
        try (0..<count).map { try Origin(answer: "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n\($0)") }
    }

    static func proxy(
        _ pools: [[any Addressed]], weights: [Int], by key: HashRules.Key? = nil,
        configure: (inout Proxy.Configuration) -> Void = { _ in }
    ) throws -> Proxy {
        try Proxy(pools: pools) {
            let branches = weights.enumerated().map { WeightedPool(pool: $0, weight: $1) }
            $0.routes = [Route(name: "split", action: .forward(Split(branches, key: key)))]
            configure(&$0)
        }
    }

    /// How many of `requests` were answered by each origin, by the digit that it answers with.
    static func shares(_ proxy: Proxy, _ requests: [String]) throws -> [Int: Int] {
        let client = try proxy.connect()
        var shares: [Int: Int] = [:]
        for request in requests {
            try client.send(request)
            shares[Int(try client.readResponse().text) ?? -1, default: 0] += 1
        }
        return shares
    }

    @Test func sharesFollowTheWeights() throws {
        let origins = try Self.origins(3)
        let proxy = try Self.proxy(origins.map { [$0] }, weights: [8, 2, 0])
        let shares = try Self.shares(proxy, Array(repeating: "GET / HTTP/1.1\r\nHost: a\r\n\r\n", count: 2000))
        // 400 are expected of the second; six standard deviations of 18 are 107.
        #expect((293...507).contains(shares[1] ?? 0), "\(shares)")
        #expect((shares[0] ?? 0) + (shares[1] ?? 0) == 2000 && origins[2].requests.isEmpty)
    }

    @Test func countersTellTheBranchesApart() throws {
        let origins = try Self.origins(2)
        let proxy = try Self.proxy(origins.map { [$0] }, weights: [1, 1])
        let shares = try Self.shares(proxy, Array(repeating: "GET / HTTP/1.1\r\nHost: a\r\n\r\n", count: 100))
        for branch in 0..<2 {
            let row = proxy.layout.row(route: 0, branch: branch)
            let slot = proxy.layout.requests(row: row, endpoint: branch, statusClass: 2)
            try proxy.eventually("the counters") { proxy.dataPlane.total(slot) == UInt64(shares[branch] ?? 0) }
        }
    }

    @Test(arguments: [
        (HashRules.Key.header("X-User"), "GET / HTTP/1.1\r\nHost: a\r\nx-user: N\r\n\r\n"),
        (.cookie("user"), "GET / HTTP/1.1\r\nHost: a\r\nCookie: a=b; user=N\r\n\r\n"),
        (.query("user"), "GET /?a=b&user=N HTTP/1.1\r\nHost: a\r\n\r\n"),
        (.path, "GET /users/N?x HTTP/1.1\r\nHost: a\r\n\r\n"),
        (.client(ipv4Prefix: 32, ipv6Prefix: 64), "GET / HTTP/1.1\r\nHost: a\r\nX-Forwarded-For: 10.0.0.N\r\n\r\n"),
    ])
    func theSameKeyStaysWithTheSamePool(key: HashRules.Key, template: String) throws {
        let origins = try Self.origins(2)
        let trusted = [Network(address: .loopback(0), prefixLength: 96 + 8)]
        // Two processes are to agree.
        let proxies = try (0..<2).map { _ in
            try Self.proxy(origins.map { [$0] }, weights: [3, 1], by: key) { $0.trustedProxies = trusted }
        }
        var chosen: [Int: Int] = [:]
        for proxy in proxies + proxies {
            let client = try proxy.connect()
            for number in 0..<100 {
                try client.send(template.replacing("N", with: "\(number)"))
                let pool = try #require(Int(try client.readResponse().text))
                #expect(chosen[number, default: pool] == pool)
                chosen[number] = pool
            }
        }
        // 25 of 100 are expected of the second; five standard deviations of 4.3 are 22.
        let canaries = chosen.values.filter { $0 == 1 }.count
        #expect((3...47).contains(canaries), "\(canaries)")
    }

    /// What splits and what a pool hashes may be the same, and still all of the pool's endpoints are used.
    @Test func aPoolThatHashesTheSameKeySharesItOut() throws {
        let origins = try Self.origins(5)
        let proxy = try Self.proxy([[origins[0]], Array(origins[1...])], weights: [3, 1], by: .header("x-user")) {
            $0.balance = .hash
            $0.pool = { pool, _ in pool.hash.key = .header("x-user") }
        }
        let requests = (0..<400).map { "GET / HTTP/1.1\r\nHost: a\r\nX-User: user-\($0)\r\n\r\n" }
        let shares = try Self.shares(proxy, requests)
        for endpoint in 1...4 { #expect((5...60).contains(shares[endpoint] ?? 0), "\(shares)") }
    }

    @Test func theAccessLogNamesTheBranchsPool() throws {
        let origins = try Self.origins(2)
        let path = NSTemporaryDirectory() + "apus-\(UUID().uuidString).log"
        defer { try? FileManager.default.removeItem(atPath: path) }
        let proxy = try Self.proxy(origins.map { [$0] }, weights: [0, 1]) {
            $0.accessLog = .file(path: path)
        }
        _ = try proxy.get()
        try proxy.eventually("the log") {
            (try? String(contentsOfFile: path, encoding: .utf8))?.contains(#""pool":"pool1""#) == true
        }
    }

    /// A fallback's answer counts in the row of the pool that it stood in for.
    @Test func aBranchHasItsPoolsFallback() throws {
        let origins = try Self.origins(3)
        let proxy = try Self.proxy(origins.map { [$0] }, weights: [0, 1, 0]) {
            $0.pool = { pool, index in if index == 1 { pool.fallback = .pool(2) } }
        }
        proxy.dataPlane.setEndpoint(1, available: false)
        try proxy.eventually("the fallback") { try proxy.get().text == "2" }
        let slot = proxy.layout.requests(row: proxy.layout.row(route: 0, branch: 1), endpoint: 2, statusClass: 2)
        try proxy.eventually("the count") { proxy.dataPlane.total(slot) >= 1 }
    }
}
