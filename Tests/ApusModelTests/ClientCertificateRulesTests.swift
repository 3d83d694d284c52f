import ApusModel
import Testing

/// When connections of clients outlive a change of what they are asked for.
@Suite struct ClientCertificateRulesTests {
    private final class Held: Certificate.Holder, Authorities.Holder {}

    private func rules(_ digest: UInt8) -> ClientCertificateRules {
        ClientCertificateRules(
            Authorities(file: "ca.pem", isSystems: false, count: 1, digest: [digest], held: Held()))
    }

    private func tls(_ shown: (names: [String], rules: UInt8?)...) -> ListenerTLS {
        var tls = ListenerTLS()
        tls.certificates = shown.map { names, rules in
            let certificate = Certificate(
                file: nil, keyFile: nil, names: names, notBefore: 0, notAfter: 0, issuer: "", keyKind: "ECDSA",
                keyBits: 256, fingerprint: [], digest: [], held: Held())
            return .init(certificate, names: names, clients: rules.map { self.rules($0) })
        }
        return tls
    }

    @Test func onlyAChangeOfRulesIsOne() {
        let before = tls((["a.test"], 1), (["*.b.test"], nil))
        #expect(ListenerTLS.asksAlike(before, tls((["a.test"], 1), (["*.b.test"], nil))))
        // A name that comes and is asked as it was before: as one that nobody had, or by the wildcard.
        #expect(ListenerTLS.asksAlike(before, tls((["a.test"], 1), (["*.b.test"], nil), (["c.test"], 1))))
        #expect(ListenerTLS.asksAlike(before, tls((["a.test"], 1), (["x.b.test", "*.b.test"], nil))))
        // Otherwise than before.
        #expect(!ListenerTLS.asksAlike(before, tls((["a.test"], 1), (["*.b.test"], nil), (["c.test"], nil))))
        #expect(!ListenerTLS.asksAlike(before, tls((["a.test"], 1), (["*.b.test"], nil), (["x.b.test"], 1))))
        #expect(!ListenerTLS.asksAlike(before, tls((["a.test"], 2), (["*.b.test"], nil))))
        #expect(!ListenerTLS.asksAlike(before, tls((["a.test"], 1))))
        #expect(!ListenerTLS.asksAlike(before, tls((["*.b.test"], nil), (["a.test"], 1))))
        var strict = before
        strict.isStrict = true
        #expect(!ListenerTLS.asksAlike(before, strict))
        // None, or no TLS.
        #expect(ListenerTLS.asksAlike(nil, tls((["a.test"], nil))))
        #expect(!ListenerTLS.asksAlike(nil, before) && !ListenerTLS.asksAlike(before, nil))
    }

    /// A host that no certificate has is asked for as little as the first asks, but not where a wildcard guards it.
    @Test func oddHostsAreHeldToTheirWildcard() {
        let names = CertificateNames(
            tls((["open.test"], nil), (["*.wild.test"], 1), (["*.b.wild.test"], 2), (["free.wild.test"], nil)))
        let policies = names.policy(ofHost: "open.test")
        #expect(names.policy(ofHost: nil) == policies && names.policy(ofHost: "elsewhere.test") == policies)
        #expect(names.policy(ofHost: "free.wild.test") == policies && names.policy(ofHost: "wild.test") == policies)
        #expect(names.policy(ofHost: "xwild.test") == policies)
        let wild = names.policy(ofHost: "a.wild.test")
        #expect(wild == names.policy(for: "a.wild.test") && wild != policies)
        for host in [
            "*.wild.test", "a*.wild.test", "a..wild.test", "..wild.test", ".wild.test", "A.C.Wild.TEST",
            "a.c.wild.test.",
        ] {
            #expect(names.policy(ofHost: host) == wild, "\(host)")
        }
        let deep = names.policy(ofHost: "a.b.wild.test")
        #expect(deep == names.policy(ofHost: "x.y.b.wild.test") && deep != wild && deep != policies)
    }

    /// A wildcard that asks for less takes nothing from the first, and two that ask for different things have nobody between them.
    @Test func oddHostsAreNobodysBetweenTwoRules() {
        let strict = CertificateNames(tls((["*.in.wild.test"], 1), (["*.wild.test"], nil)))
        for host in ["a.b.in.wild.test", "a.b.wild.test", "..in.wild.test", "elsewhere.test"] {
            #expect(strict.policy(ofHost: host) == strict.policy(for: "a.in.wild.test"), "\(host)")
        }
        let both = CertificateNames(tls((["first.test"], 1), (["*.wild.test"], 2)))
        #expect(both.policy(ofHost: "a.wild.test") == both.policy(for: "a.wild.test"))
        #expect(both.policy(ofHost: "a.b.wild.test") == -2)
        #expect(both.policy(ofHost: "elsewhere.test") == both.policy(for: "first.test"))
    }

    /// Names that only look the same are others, also where Unicode calls them equal.
    @Test func namesAreComparedByTheirBytes() throws {
        for (pattern, name) in [
            ("CN=Kate", "CN=\u{212a}ate"), ("CN=\u{e9}va", "CN=e\u{301}va"),
            ("spiffe://a/\u{e9}/*", "spiffe://a/e\u{301}/x"),
        ] {
            #expect(try !#require(ClientNamePattern(pattern)).matches(name), "\(pattern)")
        }
        #expect(try #require(ClientNamePattern("CN=\u{e9}va")).matches("CN=\u{e9}va"))
    }

    /// Of common names and SPIFFE identities a certificate has one.
    @Test func namesThatNoCertificateHasBothOfExcludeEachOther() throws {
        func excludes(_ one: String, _ other: String) throws -> Bool {
            let (first, second) = (try #require(ClientNamePattern(one)), try #require(ClientNamePattern(other)))
            let result = first.excludes(second)
            #expect(second.excludes(first) == result)
            return result
        }
        for (one, other) in [
            ("CN=alice", "CN=bob"), ("spiffe://a/b", "spiffe://a/c"), ("spiffe://a/b/*", "spiffe://a/c"),
            ("spiffe://a/b/*", "spiffe://a/c/*"), ("spiffe://a/b/*", "spiffe://a/b"),
        ] { #expect(try excludes(one, other), "\(one) \(other)") }
        for (one, other) in [
            ("CN=alice", "CN=alice"), ("CN=alice", "spiffe://a/b"), ("a.test", "b.test"), ("*.a.test", "CN=a"),
            ("https://a/b", "https://a/c"), ("spiffe://a/*", "spiffe://a/b"), ("spiffe://a/*", "spiffe://a/b/*"),
            ("a@a.test", "b@a.test"),
        ] { #expect(try !excludes(one, other), "\(one) \(other)") }
    }
}
