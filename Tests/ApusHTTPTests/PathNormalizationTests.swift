import ApusHTTP
import Testing

@Suite struct PathNormalizationTests {
    @Test(arguments: [
        ("/", "/"), ("", ""), ("*", "*"), ("/a/b", "/a/b"), ("/a/", "/a/"), ("/.", "/"), ("/./", "/"), ("/a/.", "/a/"),
        ("/a/./b", "/a/b"), ("/a/..", "/"), ("/a/../", "/"), ("/a/../b", "/b"), ("/a/b/..", "/a/"),
        ("/a/b/../c", "/a/c"),
        ("/a/b/c/../../d", "/a/d"), ("/...", "/..."), ("/.a", "/.a"), ("/a.", "/a."), ("/..a/b", "/..a/b"),
        ("/a/...b", "/a/...b"), ("//", "//"), ("/a//b", "/a//b"), ("/a//..", "/a/"), ("/a//../b", "/a/b"),
        ("//..", "/"), ("/%2e", "/"), ("/%2E/a", "/a"), ("/a/%2e%2e/b", "/b"), ("/a/.%2E/b", "/b"), ("/a/%2e./b", "/b"),
        ("/%2e%2e%2e", "/..."), ("/%41%7a%30%2D%5f%7E", "/Az0-_~"), ("/%2f%5c", "/%2F%5C"),
        ("/a%2f..%2fb", "/a%2F..%2Fb"),
        ("/\\..\\a", "/\\..\\a"), ("/%c3%a9", "/%C3%A9"), ("/%252e", "/%252e"), ("/%25%32%65", "/%252e"), ("/%", "/%"),
        ("/%4", "/%4"), ("/%zz", "/%zz"), ("/%4g%41", "/%4gA"), ("/a/;x/../b", "/a/b"), ("/A", "/A"), ("/%00", "/%00"),
        ("/12345678/.", "/12345678/"), ("/1234567/../x", "/x"), ("/%%34%31", "/%41"),
    ])
    func leadsToTheOneSpelling(path: String, expected: String) throws {
        let bytes = Array(path.utf8)
        let normalized = try PathNormalization.normalized(bytes)
        #expect(String(decoding: normalized, as: UTF8.self) == expected)
        // Looking for what is odd stops nothing that is normal from being so, and nothing else passes.
        if path != expected { #expect(!isPlain(bytes)) }
    }

    @Test(arguments: ["/..", "/../", "/../a", "/a/../..", "/a/../../b", "/%2e%2e", "/./..", "/.%2e/a"])
    func whatLeadsAboveTheRootIsRefused(path: String) {
        let bytes = Array(path.utf8)
        #expect(throws: Reason.badPath) { try PathNormalization.normalized(bytes) }
        #expect(!isPlain(bytes))
    }

    /// Plain is what has none of a few marks, wherever it stands, and whatever stands around it.
    @Test func aPathIsPlainExactlyIfItHasNoMarks() {
        let pieces = [
            "/", "a", ".", "b.c", "..", "%", ";", "\\", "longer-segment", "1234567", "-", "'", "$", "[", "/x",
        ]
        var generator = SystemRandomNumberGenerator()
        for _ in 0..<40_000 {
            let count = Int.random(in: 0...9, using: &generator)
            let path = "/" + (0..<count).map { _ in pieces.randomElement(using: &generator) ?? "" }.joined()
            let expected = !["%", ";", "\\", "//", "/."].contains { path.contains($0) }
            // A slash before the path, and marks behind it, are no part of it.
            for (before, after) in [("", ""), ("GET /", "?%;//"), ("/", "/ HTTP/1.1\r\n\r\n")] {
                let bytes = Array((before + path + after).utf8)
                let range = before.utf8.count..<before.utf8.count + path.utf8.count
                let isPlain = PathNormalization.isPlain(range, of: bytes.span)
                #expect(isPlain == expected, "\(before)|\(path)|\(after)")
            }
            guard expected else { continue }
            let bytes = Array(path.utf8)
            let oddities = PathOddities(bytes.span)
            #expect(oddities.isEmpty, "\(path)")
            #expect((try? PathNormalization.normalized(bytes)) == bytes, "\(path)")
        }
    }

    private func isPlain(_ bytes: [UInt8]) -> Bool { PathNormalization.isPlain(bytes.indices, of: bytes.span) }
}
