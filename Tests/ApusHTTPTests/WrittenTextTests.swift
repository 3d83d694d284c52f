import ApusHTTP
import Testing

// Spans cannot stand in an expectation.
private func isHost(_ text: String) -> Bool { WrittenText.isHost(Array(text.utf8).span) }
private func isPath(_ text: String, from original: String) -> Bool {
    WrittenText.isPath(Array(text.utf8).span, from: Array(original.utf8).span)
}
private func isLocation(_ text: String, _ isOwnScheme: Bool) -> Bool {
    WrittenText.isLocation(Array(text.utf8).span, isOwnScheme: isOwnScheme)
}
private func isPathReference(_ text: String) -> Bool { WrittenText.isPathReference(Array(text.utf8).span) }
private func isCookiePart(_ text: String) -> Bool { WrittenText.isCookiePart(Array(text.utf8).span) }

/// What templates may write: nothing that would be refused from a client.
@Suite struct WrittenTextTests {
    @Test(arguments: ["a", "a.test:8080", "[::1]:80", "a_b", "127.0.0.1"])
    func hosts(text: String) { #expect(isHost(text)) }

    @Test(arguments: ["", "u@evil", "a:b:c", "[", "[::1", "a/b", "a b", "a\\b", "a,b", ":80", "a:99999", "a#", "a?"])
    func noHosts(text: String) { #expect(!isHost(text)) }

    @Test(arguments: [
        ("/", "/x"), ("/a//b", "/x"), ("/a/...", "/x"), ("/a/.b", "/x"), ("//a", "//a"), ("//evil", "/v1//evil"),
        ("/a%2Fb", "/x"),
        ("/a/./b", "/a/./b"), ("/a/../b", "/v1/a/../b"), ("/a;b", "/x"), ("/%", "/x"),
    ])
    func paths(text: String, original: String) {
        #expect(isPath(text, from: original))
    }

    @Test(arguments: [
        ("", "/x"), ("a", "/x"), ("*", "/x"), ("/a b", "/x"), ("/a#b", "/x"), ("/a?b", "/x"), ("/a\u{7f}", "/x"),
        ("/ä", "/x"), ("/\\evil", "/v1/\\evil"), ("/a/..", "/x"), ("/a/.", "/x"),
        ("/a/%2e%2E/b", "/x"), ("/a/.%2e", "/x"), ("/a/..;x/b", "/x"), ("/a\\..\\b", "/x"), ("/a/..%2fb", "/x"),
        ("/a%5c..%5cb", "/x"), ("/../a", "/v1/../a"), ("/a/..;c/b", "/v/.;c"), ("/./a/.", "/v/./a"),
        ("/a/../../b", "/v1/a/../../b"), ("/%2e%2e/a", "/v1/%2e%2e/a"),
    ])
    func noPaths(text: String, original: String) {
        #expect(!isPath(text, from: original))
    }

    @Test(arguments: [
        ("/a", false), ("/.//a", false), ("https://a.test/b", false), ("http://a.test:80?x", false), ("a/b:c", false),
        ("//a.test/x", true), ("https://a.test", true), ("app://x/@", true), ("app:x", true), ("/a@b", true),
        ("https://a.test/u@v", true), ("", true),
    ])
    func locations(text: String, isOwnScheme: Bool) {
        #expect(isLocation(text, isOwnScheme))
    }

    @Test(arguments: [
        ("javascript:alert(1)", false), ("data:x", false), ("https:evil", false), ("https:/evil", false),
        ("https:", false), ("https://", true), ("https://a.test@evil/", true), ("https://a.test:b@evil", true),
        ("https:///a", true), ("//u@evil", true), ("HTTPS://u@evil", true), ("https://a\\b/", true), ("/a b", true),
        ("/\u{7f}", true), ("/ä", true), ("app:x", false),
    ])
    func noLocations(text: String, isOwnScheme: Bool) {
        #expect(!isLocation(text, isOwnScheme))
    }

    @Test(arguments: ["/x", "x", "", "/", "?http://x", "/x//y:z", "/it's"])
    func referencesToPaths(_ text: String) { #expect(isPathReference(text)) }

    @Test(arguments: ["//x", #"/\x"#, #"\\x"#, "x:y", "javascript:x", "/a>", "/a\"", "/a b", "/a<"])
    func referencesToMore(_ text: String) { #expect(!isPathReference(text)) }

    @Test func partsOfCookies() {
        #expect(isCookiePart("a=b,c") && isCookiePart("") && !isCookiePart("a;Domain=evil"))
    }
}
