import ApusModel
import ApusRouting
import Testing

@testable import ApusConfig

@Suite struct PatternCoverageTests {
    static let hosts = ["a.test", "b.a.test", "*.test", "*.a.test", "*.b.a.test", "other", "[::1]"]
    static let paths = ["/", "/v1", "/v1/", "/v1/x", "/v1/*", "/v1/x/*", "/v10", "/v1//*", "/*"]

    /// A pattern that covers another matches whatever the other matches; one that does not misses something.
    @Test func aHostPatternCoversExactlyWhatItMatchesAllOf() throws {
        let requests = ["a.test", "b.a.test", "c.b.a.test", "x.test", "x.y.test", "other", "[::1]", "z.a.test"]
        let patterns = try [.any] + Self.hosts.map { try HostPattern(configured: $0) }
        for left in patterns {
            for right in patterns {
                let matchesAll = requests.allSatisfy { host in
                    let bytes = Array(host.utf8)
                    return !right.matches(bytes.span) || left.matches(bytes.span)
                }
                // No list of requests exhausts `any`; what covers it is `any` alone.
                if right != .any { #expect(left.covers(right) == matchesAll, "\(left) \(right)") }
                if right == .any { #expect(left.covers(right) == (left == .any)) }
            }
        }
    }

    @Test func aPathPatternCoversExactlyWhatItMatchesAllOf() throws {
        let requests = ["/", "/v1", "/v1/", "/v1/x", "/v1/x/y", "/v10", "/v1//", "/v1//x", "/y", "*"]
        let patterns = try Self.paths.map { try PathPattern(configured: $0) }
        for left in patterns {
            for right in patterns {
                let matchesAll = requests.allSatisfy { path in
                    let bytes = Array(path.utf8)
                    return !right.matches(bytes.span) || left.matches(bytes.span)
                }
                #expect(left.covers(right) == matchesAll, "\(left) \(right)")
            }
        }
    }
}
