import ApusAddresses
import ApusBalancing
import ApusModel
import Testing

extension SessionTokens {
    func find(_ value: [UInt8]) -> Int32? { endpoint(for: value.span) }
}

@Suite struct SessionTokensTests {
    static func tokens(_ count: Int) -> [[UInt8]] {
        (0..<count).map { index in
            var random = SplitMix64(seed: UInt64(index))
            return (0..<43).map { _ in Array("abcdefghijklmnopqrstuvwxyz0123456789-_".utf8)[random.next(below: 38)] }
        }
    }

    @Test(arguments: [1, 2, 3, 100, 1_000])
    func findsTheEndpointOfAToken(count: Int) {
        let all = Self.tokens(count)
        let tokens = SessionTokens(all)
        for (index, token) in all.enumerated() { #expect(tokens.find(token) == Int32(index)) }
    }

    @Test func anythingElseIsNobodys() {
        let all = Self.tokens(20)
        let tokens = SessionTokens(all)
        for token in all {
            for at in token.indices {
                var changed = token
                changed[at] ^= 1
                #expect(tokens.find(changed) == nil)
            }
            #expect(tokens.find(token + [0]) == nil)
            #expect(tokens.find(Array(token.dropLast())) == nil)
        }
        #expect(tokens.find([]) == nil)
        #expect(tokens.find(Array(repeating: 0, count: 43)) == nil)
    }

    @Test func endpointsWithoutATokenAreNeverFound() {
        let all = [[], Array("abc".utf8), [], Array("abd".utf8)]
        let tokens = SessionTokens(all)
        #expect(tokens.find(all[1]) == 1)
        #expect(tokens.find(all[3]) == 3)
        #expect(tokens.find([0, 0, 0]) == nil)
        #expect(tokens.find(all[0]) == nil)
        #expect(SessionTokens([[], []]).find(all[0]) == nil)
        #expect(SessionTokens([]).find(all[1]) == nil)
    }
}

@Suite struct SessionCookiesTests {
    static func field(_ cookie: StickySessions.Cookie) -> String {
        let cookies = SessionCookies(cookie, tokens: [Array("T0k-en_".utf8)])
        return String(decoding: cookies.bytes, as: UTF8.self)
    }

    @Test func everyAttributeStandsInItsPlace() {
        let cookie = StickySessions.Cookie(
            name: "__Secure-at", path: "/shop", domain: "example.com", lifetime: .seconds(3600), isSecure: true,
            isHTTPOnly: true, sameSite: .strict)
        #expect(
            Self.field(cookie) == "__Secure-at=T0k-en_; Path=/shop; Domain=example.com; Max-Age=3600; Secure; HttpOnly;"
                + " SameSite=Strict")
    }

    @Test func attributesThatAreOffAreLeftOut() {
        #expect(Self.field(StickySessions.Cookie()) == "apus=T0k-en_; Path=/; HttpOnly; SameSite=Lax")
        #expect(Self.field(StickySessions.Cookie(isHTTPOnly: false, sameSite: nil)) == "apus=T0k-en_; Path=/")
        #expect(
            Self.field(StickySessions.Cookie(isSecure: true, sameSite: StickySessions.Cookie.SameSite.none))
                == "apus=T0k-en_; Path=/; Secure; HttpOnly; SameSite=None")
    }

    @Test func aShortLifetimeDoesNotDeleteTheCookie() {
        let cookie = StickySessions.Cookie(lifetime: .milliseconds(300), isHTTPOnly: false, sameSite: nil)
        #expect(Self.field(cookie) == "apus=T0k-en_; Path=/; Max-Age=1")
    }

    @Test func everyEndpointHasItsOwn() {
        let tokens = ["one", "", "two"].map { Array($0.utf8) }
        let cookies = SessionCookies(StickySessions.Cookie(name: "s", isHTTPOnly: false, sameSite: nil), tokens: tokens)
        let fields = (0..<3).map { index in
            let field = cookies.field(for: index)
            return String(decoding: field.indices.map { field[$0] }, as: UTF8.self)
        }
        #expect(fields == ["s=one; Path=/", "", "s=two; Path=/"])
        #expect((0..<3).map { cookies.range(for: $0) } == [0..<13, 13..<13, 13..<26])
    }

    @Test func onlyPoolsWithACookieHaveSome() {
        let endpoint = Endpoint(
            name: "e", address: SocketAddress(ip: IPAddress(ipv4: 1), port: 80), pool: 0, sessionToken: [65, 66])
        func snapshot(_ sticky: StickySessions?) -> Snapshot {
            Snapshot(
                workers: 1, listeners: [], routes: [], pools: [Pool(name: "p", sticky: sticky, endpoints: 0..<1)],
                endpoints: [endpoint])
        }
        let plain = snapshot(nil)
        #expect(SessionCookies(of: plain.pools[0], in: plain) == nil)
        let learned = snapshot(StickySessions(.learned(name: "id", lifetime: .seconds(1), capacity: 1)))
        #expect(SessionCookies(of: learned.pools[0], in: learned) == nil)
        let signed = snapshot(StickySessions(.cookie(StickySessions.Cookie())))
        let cookies = SessionCookies(of: signed.pools[0], in: signed)
        #expect(cookies.map { String(decoding: $0.bytes, as: UTF8.self) } == "apus=AB; Path=/; HttpOnly; SameSite=Lax")
        #expect(SessionTokens(of: signed.pools[0], in: signed).find(endpoint.sessionToken) == 0)
    }
}
