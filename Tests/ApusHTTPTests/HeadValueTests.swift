import ApusHTTP
import Testing

@Suite struct HeadValueTests {
    /// What a request or response head says, by way of the functions under test.
    struct Head: ~Copyable {
        let bytes: [UInt8]
        let fields: FieldTable
        let target: RequestTarget?

        init(target: String = "/", fields lines: [String]) throws {
            let head = (["GET \(target) HTTP/1.1", "Host: a"] + lines + ["", ""]).joined(separator: "\r\n")
            let bytes = Array(head.utf8)
            var table = FieldTable()
            self.target = try RequestHead.parse(bytes.span, limits: HeadLimits(), into: &table)?.target
            fields = table
            self.bytes = bytes
        }

        init(response lines: [String]) throws {
            let bytes = Array((["HTTP/1.1 200 OK"] + lines + ["", ""]).joined(separator: "\r\n").utf8)
            var table = FieldTable()
            _ = try ResponseHead.parse(bytes.span, method: .get, limits: HeadLimits(), into: &table)
            fields = table
            self.bytes = bytes
            target = nil
        }

        func text(_ range: Range<Int>?) -> String? { range.map { String(decoding: bytes[$0], as: UTF8.self) } }
        func value(_ name: String) -> String? { text(fields.value(of: Array(name.utf8).span, in: bytes.span)) }
        func cookie(_ name: String) -> String? { text(fields.cookie(Array(name.utf8).span, in: bytes.span)) }
        func setCookie(_ name: String) -> String? { text(fields.setCookie(Array(name.utf8).span, in: bytes.span)) }
        func query(_ name: String) -> String? {
            text(target?.queryParameter(Array(name.utf8).span, in: bytes.span))
        }
    }

    @Test func aFieldIsFoundByItsNameInAnyCase() throws {
        let head = try Head(fields: ["X-User:  anna\t", "x-user: bob", "X-Use: c", "X-Users: d", "X-Empty:", "X: y z"])
        #expect(head.value("x-user") == "anna")
        #expect(head.value("x-use") == "c")
        #expect(head.value("x-empty") == "")
        #expect(head.value("x") == "y z")
        #expect(head.value("host") == "a")
        #expect(head.value("x-us") == nil && head.value("x-userss") == nil && head.value("") == nil)
    }

    /// What the origin does not get because of its name, or because Connection names it, decides nothing.
    @Test(arguments: ["Connection: x-key\r\nX-Key: k", "X_Key: k"])
    func aFieldThatIsDroppedIsNotFound(lines: String) throws {
        let head = try Head(fields: [lines, "X-Other: o"])
        #expect(head.value("x-key") == nil && head.value("x_key") == nil)
        #expect(head.value("x-other") == "o")
    }

    static let cookies: [([String], String, String?)] = [
        (["Cookie: a=1"], "a", "1"), (["cOOkIE: a=1; b=2"], "b", "2"), (["Cookie: a=1;b=2"], "b", "2"),
        (["Cookie: a=; b=2"], "a", ""), (["Cookie: a="], "a", ""), (["Cookie: a"], "a", nil),
        (["Cookie: a; a=2"], "a", "2"), (["Cookie: ;;; a=1;"], "a", "1"), (["Cookie:"], "a", nil),
        (["Cookie: a=\"x y\"; b=1"], "a", "\"x y\""), (["Cookie: a=x=y==; b=1"], "a", "x=y=="),
        (["Cookie: aa=1; a=2; aaa=3"], "a", "2"), (["Cookie: a=1; a=2"], "a", "1"), (["Cookie: A=1"], "a", nil),
        (["Cookie: xa=1; x=a=2"], "a", nil), (["Cookie: \ta \t= \t1\t ;b=2"], "a", "1"),
        (["Cookie: b=1", "X: y", "Cookie: a=2"], "a", "2"), (["Cookie: b=1", "Cookies: a=2"], "a", nil),
        (["Set-Cookie: a=2"], "a", nil), (["Cookie: =1; a=2"], "", "1"), (["Cookie: a=2"], "", nil),
        (["Cookie: \u{e9}=1; a=\u{e9}"], "a", "\u{e9}"), (["Cookie: a=1, b=2"], "b", nil),
    ]

    /// None is out of sight because others stand before it.
    @Test func ofThousandsOfCookiesEachIsFound() throws {
        let pairs = (0..<5_000).map { "c\($0)=\($0)" }
        let head = try Head(fields: [
            "Cookie: " + pairs[..<600].joined(separator: "; "), "Cookie: " + pairs[600...].joined(separator: ";"),
        ])
        for number in [0, 599, 600, 1_000, 4_999] { #expect(head.cookie("c\(number)") == "\(number)") }
    }

    @Test(arguments: cookies)
    func aCookieIsFoundByItsExactName(lines: [String], name: String, expected: String?) throws {
        #expect(try Head(fields: lines).cookie(name) == expected)
    }

    static let setCookies: [([String], String, String?)] = [
        (["Set-Cookie: s=1"], "s", "1"), (["set-cookie: s=1; Path=/; HttpOnly"], "s", "1"),
        (["Set-Cookie: s=1; t=2"], "t", nil), (["Set-Cookie: Path=1; s=2"], "s", nil),
        (["Set-Cookie: t=1", "Set-Cookie: s=2; Secure"], "s", "2"), (["Set-Cookie: s=1", "Set-Cookie: s=2"], "s", "2"),
        (["Set-Cookie: s"], "s", nil), (["Set-Cookie: s; s=1"], "s", nil), (["Set-Cookie: s="], "s", ""),
        (["Set-Cookie: s=; Max-Age=0"], "s", ""), (["Set-Cookie:"], "s", nil), (["Set-Cookie: ss=1"], "s", nil),
        (["Set-Cookie: s = a b ;x"], "s", "a b"), (["Set-Cookie: s=\"q\"; x"], "s", "\"q\""),
        (["Cookie: s=1"], "s", nil), (["Set-Cookie: S=1"], "s", nil), (["Set-Cookie: s=1, t=2"], "s", "1, t=2"),
    ]

    @Test(arguments: setCookies)
    func aCookieThatAResponseSetsIsFound(lines: [String], name: String, expected: String?) throws {
        #expect(try Head(response: lines).setCookie(name) == expected)
    }

    static let queries: [(String, String, String?)] = [
        ("/?a=1", "a", "1"), ("/?a=1&b=2", "b", "2"), ("/p?b&a=1", "b", ""), ("/?a", "a", ""), ("/?a=", "a", ""),
        ("/?", "a", nil), ("/", "a", nil), ("/a=1", "a", nil), ("/?aa=1&a=2", "a", "2"), ("/?a=1&a=2", "a", "1"),
        ("/?&&a=1&", "a", "1"), ("/?a=b=c", "a", "b=c"), ("/?a=x?y", "a", "x?y"), ("/?b=1;a=2", "a", nil),
        ("/?A=1", "a", nil), ("/?%61=1", "a", "1"), ("/?%6=1&%=2", "%", "2"), ("/?a+b=1", "a b", "1"),
        ("/?a%20b=1", "a b", "1"), ("/?a%3Db=1", "a=b", "1"), ("/?%2561=1", "a", nil), ("/?%2561=1", "%61", "1"),
        ("/?a%=1", "a", nil), ("/?%61b=1&a=2", "a", "2"), ("/?%6&1=a", "a", nil), ("/?a=%20+", "a", "%20+"),
        ("/?=1&a=2", "", "1"),
        ("/?&a=1", "", ""), ("/?a=1&", "", nil), ("http://h/?a=1", "a", "1"), ("http://h?a=1", "a", "1"),
        ("http://h", "a", nil),
    ]

    @Test(arguments: queries)
    func aQueryParameterIsFoundByItsName(target: String, name: String, expected: String?) throws {
        #expect(try Head(target: target, fields: []).query(name) == expected)
    }

    @Test(arguments: [
        ("1", "1", true), ("%31", "1", true), ("1%", "1%", true), ("a+b", "a b", true), ("a%2Bb", "a+b", true),
        ("a+b", "a+b", false), ("%3", "3", false), ("%c3%A9", "\u{e9}", true), ("%2531", "%31", true),
        ("%2531", "1", false), ("", "", true), ("", "a", false), ("%31%32", "1", false), ("%zz", "%zz", true),
    ])
    func aValueIsComparedDecoded(sent: String, text: String, isSame: Bool) {
        let (sent, text) = (Array(sent.utf8), Array(text.utf8))
        let isFound = sent.span.isForm(of: text.span)
        let decoded = sent.span.decodedForm()
        #expect(isFound == isSame)
        #expect((decoded == text) == isSame)
        let longer = sent + [UInt8(ascii: "&")]
        let begins = longer.span.isForm(of: text.span, orLonger: true)
        if isSame { #expect(begins) }
    }

    // MARK: Against a splitter that is simple enough to be believed

    static func pairs(_ text: String, at separator: Character) -> [(String, String?)] {
        text.split(separator: separator, omittingEmptySubsequences: true).map { part in
            guard let equals = part.firstIndex(of: "=") else { return (String(part), nil) }
            return (String(part[..<equals]), String(part[part.index(after: equals)...]))
        }
    }

    static func trimmed(_ text: String) -> String {
        String(text.drop { $0 == " " || $0 == "\t" }.reversed().drop { $0 == " " || $0 == "\t" }.reversed())
    }

    @Test func whateverIsSentIsSplitAsANaiveSplitterWould() throws {
        var random = SystemRandomNumberGenerator()
        for _ in 0..<3_000 {
            func made(of letters: String) -> String {
                String((0..<Int.random(in: 0..<24, using: &random)).map { _ in letters.randomElement(using: &random)! })
            }
            let query = made(of: "aab==&&;?%")
            let lines = (0..<Int.random(in: 0..<3, using: &random)).map { _ in made(of: "aab==;; \t\"") }
            let head = try Head(target: "/?" + query, fields: lines.map { "Cookie:" + $0 })
            let response = try Head(response: lines.map { "Set-Cookie:" + $0 })
            for name in ["a", "b", "aa", "ab", "ba"] {
                let parameter = Self.pairs(query, at: "&").first { $0.0 == name }
                #expect(head.query(name) == parameter.map { $0.1 ?? "" }, "\(query)")
                let cookies = lines.flatMap { Self.pairs($0, at: ";") }.filter { $0.1 != nil }
                let first = cookies.first { Self.trimmed($0.0) == name }
                #expect(head.cookie(name) == first.map { Self.trimmed($0.1!) }, "\(lines)")
                let set = lines.compactMap {
                    Self.pairs(String($0.prefix { $0 != ";" }), at: ";").first.flatMap { $0.1 == nil ? nil : $0 }
                }
                let last = set.last { Self.trimmed($0.0) == name }
                #expect(response.setCookie(name) == last.map { Self.trimmed($0.1!) }, "\(lines)")
            }
        }
    }
}
