import ApusRouting
import Testing

@Suite struct PathTemplateTests {
    @Test(arguments: [
        ("/users/{id}/posts", "/users/17/posts", ["17"]), ("/users/{id}/posts", "/users//posts", nil),
        ("/users/{id}/posts", "/users/17/posts/", nil), ("/users/{id}/posts", "/users/1/7/posts", nil),
        ("/{a}/{b_2}", "/x/y", ["x", "y"]), ("/{a}", "/", nil), ("/{a}/", "/x/", ["x"]), ("/{a}/", "/x", nil),
        ("/files/{path*}", "/files/a/b", ["a/b"]), ("/files/{path*}", "/files/", [""]),
        ("/files/{path*}", "/files", nil),
        ("/{a}/{rest*}", "/x//y", ["x", "/y"]), ("/", "/", []), ("/{rest*}", "/", [""]), ("/a", "*", nil),
        ("/a", "", nil),
    ])
    func takesWholeSegments(template: String, path: String, expected: [String]?) throws {
        let bytes = Array(path.utf8)
        let template = try PathTemplate(template)
        let pattern = PathPattern.template(template)
        #expect(pattern.matches(bytes.span) == (expected != nil))
        let captures = pattern.captures(in: bytes.span)
        let texts = captures?.ranges.map { $0.map { String(decoding: bytes[$0], as: UTF8.self) } ?? "none" }
        #expect(texts == expected)
        let found = try Request(path: path).route(in: RouteTable([RouteMatch(path: pattern)]))
        #expect((found == 0) == (expected != nil))
    }

    @Test(arguments: [
        ("users", 0, "begins with `/`"), ("", 0, "begins with `/`"), ("/a b", 2, "%20"), ("/a?b", 2, "query"),
        ("/a/*", 3, "{name}"), ("/{id", 1, "not closed"), ("/id}", 3, "without a `{`"), ("/a{id}", 2, "whole segment"),
        ("/{id}a", 5, "whole segment"), ("/{}", 2, "a name consists"), ("/{1}", 2, "a name consists"),
        ("/{a-b}", 2, "a name consists"), ("/{a}/{a}", 5, "segment 1"), ("/{a*}/b", 5, "takes the rest"),
        ("/{a*}/", 5, "takes the rest"),
    ])
    func whatIsNoTemplateIsExplained(text: String, offset: Int, message: String) {
        let error = #expect(throws: PathTemplateError.self) { try PathTemplate(text) }
        #expect(error?.offset == offset)
        #expect(error?.message.contains(message) == true, "\(error?.message ?? "")")
    }

    static let rests: [(PathPattern, String, String?)] = [
        (PathPattern.prefix(Array("/v1".utf8)), "/v1/x", "/x"), (.prefix(Array("/v1".utf8)), "/v1", ""),
        (.prefix(Array("/v1/".utf8)), "/v1/x", "/x"), (.prefix([]), "/x", "/x"), (.prefix(Array("/".utf8)), "/x", "/x"),
        (.exact(Array("/a".utf8)), "/a", ""), (.any, "/a", ""), (.prefix(Array("/v1".utf8)), "/v10", nil),
    ]

    @Test(arguments: rests)
    func theRestLiesBelowThePrefix(pattern: PathPattern, path: String, expected: String?) {
        let bytes = Array(path.utf8)
        let captures = pattern.captures(in: bytes.span)
        #expect(captures.map { String(decoding: bytes[$0.rest], as: UTF8.self) } == expected)
    }

    @Test func capturesAreFoundByTheirNames() throws {
        let bytes = Array("/v2/abc".utf8)
        let pattern = PathPattern.regex(try RegularExpression("^/v(?<version>[0-9])/(?<name>[a-z]+)(?<more>/x)?$"))
        let found = pattern.captures(in: bytes.span)
        let captures = try #require(found)
        #expect(pattern.captureNames == ["version", "name", "more"])
        #expect(captures["version"] == 2..<3)
        #expect(captures["name"] == 4..<7)
        #expect(captures["more"] == nil && captures["none"] == nil)
    }
}
