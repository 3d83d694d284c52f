import ApusRouting
import Testing

@Suite struct RouteMatchingTests {
    @Test(arguments: [
        (HostPattern.any, "", true), (.any, "anything", true),
        (.exact("example.com"), "example.com", true), (.exact("example.com"), "EXAMPLE.Com", true),
        (.exact("example.com"), "example.com.", true), (.exact("example.com"), "a.example.com", false),
        (.exact("example.com"), "example.co", false), (.exact("example.com"), "example.comm", false),
        (.exact("example.com"), "", false), (.exact("example.com"), ".", false),
        // Folding case must not fold what is no letter: `@` and `[` stand beside them in ASCII.
        (.exact("`a"), "@a", false), (.exact("{a"), "[a", false), (.exact("[::1]"), "[::1]", true),
        (.exact("[fe80::a]"), "[FE80::A]", true),
        (.suffix(".example.com"), "a.example.com", true), (.suffix(".example.com"), "a.b.EXAMPLE.com", true),
        (.suffix(".example.com"), "a.example.com.", true), (.suffix(".example.com"), "example.com", false),
        (.suffix(".example.com"), ".example.com", false), (.suffix(".example.com"), "badexample.com", false),
        (.suffix(".example.com"), "a.example.com.evil.org", false),
    ])
    func host(pattern: HostPattern, host: String, expected: Bool) {
        let bytes = Array(host.utf8)
        #expect(pattern.matches(bytes.span) == expected)
        // A request cannot have no host, nor one that is no host.
        guard var request = try? Request(host: host) else { return }
        request.path = Array("/".utf8)
        let found = request.route(in: RouteTable([RouteMatch(hosts: [pattern])]))
        #expect((found == 0) == expected)
    }

    @Test(arguments: [
        (PathPattern.any, "", true), (.any, "*", true), (.any, "/x", true),
        (.exact("/v1"), "/v1", true), (.exact("/v1"), "/v1/", false), (.exact("/v1"), "/V1", false),
        (.exact("/v1"), "/v", false), (.exact("/v1"), "/v10", false),
        (.prefix("/v1"), "/v1", true), (.prefix("/v1"), "/v1/", true), (.prefix("/v1"), "/v1/x/y", true),
        (.prefix("/v1"), "/v10", false), (.prefix("/v1"), "/v", false), (.prefix("/v1"), "", false),
        (.prefix("/v1"), "/v1?", false), (.prefix("/v1/"), "/v1/x", true), (.prefix("/v1/"), "/v1", false),
        (.prefix("/"), "/", true), (.prefix("/"), "/x", true), (.prefix("/"), "*", false),
        (.prefix(""), "/x", true), (.prefix(""), "*", false),
    ])
    func path(pattern: PathPattern, path: String, expected: Bool) throws {
        let bytes = Array(path.utf8)
        #expect(pattern.matches(bytes.span) == expected)
        let found = try Request(path: path).route(in: RouteTable([RouteMatch(path: pattern)]))
        #expect((found == 0) == expected)
    }

    @Test func theFirstMatchWinsWithinItsListener() throws {
        let matches = [
            RouteMatch(hosts: [.exact("a.test")], path: .prefix("/v1")),
            RouteMatch(hosts: [.suffix(".test")], path: .exact("/v1")),
            RouteMatch(path: .prefix("/v1")),
            RouteMatch(hosts: [.exact("b.test")]),
            RouteMatch(),
            RouteMatch(hosts: [.exact("a.test")]),
        ]
        let table = RouteTable(matches, listeners: [0..<3, 3..<5, 5..<6, 6..<6])
        func match(_ listener: Int, _ host: String, _ path: String) throws -> Int? {
            try Request(host: host, path: path).route(in: table, listener: listener)
        }
        #expect(try match(0, "a.test", "/v1/x") == 0)
        #expect(try match(0, "b.test", "/v1") == 1)
        #expect(try match(0, "b.test", "/v1/x") == 2)
        #expect(try match(0, "b.test", "/v2") == nil)
        #expect(try match(1, "B.test", "/v2") == 3)
        #expect(try match(1, "c", "*") == 4)
        #expect(try match(2, "a.test", "/") == 5)
        #expect(try match(2, "b.test", "/") == nil)
        #expect(try match(3, "a.test", "/") == nil)
    }
}

extension HostPattern {
    fileprivate static func exact(_ text: String) -> HostPattern { .exact(Array(text.utf8)) }
    fileprivate static func suffix(_ text: String) -> HostPattern { .suffix(Array(text.utf8)) }
}

extension PathPattern {
    fileprivate static func exact(_ text: String) -> PathPattern { .exact(Array(text.utf8)) }
    fileprivate static func prefix(_ text: String) -> PathPattern { .prefix(Array(text.utf8)) }
}
