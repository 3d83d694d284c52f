import ApusAddresses
import ApusModel
import ApusRouting
import Testing

@testable import ApusConfig

@Suite struct RouteCoverageTests {
    private static let hosts = ["a.test", "b.a.test", "*.test", "*.a.test", "other", "[::1]"]
    private static let paths = ["/*", "/v1", "/v1/*", "/v1/x", "/v1/x/*", "/v1//*", "/{id}/x", "/v1/{id}", "~ ^/v1"]

    private func anyMatch(_ random: inout some RandomNumberGenerator) throws -> RouteMatch {
        let conditions = [
            ValueCondition(name: "x", test: .exact([1])), ValueCondition(name: "x", test: .exact([2])),
            ValueCondition(name: "x", test: .prefix([1])), ValueCondition(name: "y", test: .present),
            ValueCondition(name: "y", test: .exact([1]), isNegated: true),
        ]
        func some<Value>(of values: [Value], _ most: Int) -> [Value] {
            Array(values.shuffled(using: &random).prefix(Int.random(in: 0...most, using: &random)))
        }
        var match = RouteMatch()
        match.hosts = try some(of: Self.hosts, 2).map { try HostPattern(configured: $0) }
        match.path = try PathPattern(configured: some(of: Self.paths, 1).first ?? "/*")
        match.methods = some(of: ["GET", "HEAD"], 1)
        match.fields = some(of: conditions, 1)
        match.cookies = some(of: conditions, 1)
        match.clients = try some(of: ["10.0.0.0/8", "10.1.0.0/16"], 1).map { try #require(Network($0)) }
        return match
    }

    /// What is looked up finds what a look at each earlier route would.
    @Test func theFirstThatCoversIsFound() throws {
        var random = SystemRandomNumberGenerator()
        var found = 0
        for _ in 0..<200 {
            var coverage = RouteCoverage()
            var earlier: [RouteMatch] = []
            for index in 0..<40 {
                let match = try anyMatch(&random)
                let first = coverage.firstCovering(match)
                // Indices need not follow one another.
                #expect(first == earlier.firstIndex { $0.covers(match) }.map { 2 * $0 }, "\(match)")
                if first != nil { found += 1 }
                coverage.add(match, 2 * index)
                earlier.append(match)
            }
        }
        #expect(found > 1_000)
    }
}
