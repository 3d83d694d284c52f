import ApusAddresses
import ApusHTTP
import ApusModel
import ApusProxy
import ApusTLS
import ApusTestKit
import Foundation
import Testing

/// What becomes of handshakes, by what the client offers and by what the listener is told to take; and of clients that abuse the
/// protocol. The client is OpenSSL's, or writes records by hand.
@Suite(.serialized) struct HandshakeTable {
    struct Row: Sendable, CustomTestStringConvertible {
        var offer: String
        /// A part of what `openssl s_client` says of the session; nil where there must be none.
        var session: String?
        var certificates = ["site"]
        var change: @Sendable (inout ListenerTLS) -> Void = { _ in }
        var note = ""

        var testDescription: String { "\(offer) \(note)" }
    }

    private static let rsa = ["site-rsa"]
    private static let aes128 = "ECDHE-ECDSA-AES128-GCM-SHA256"

    static let rows: [Row] = [
        // Versions.
        Row(offer: "-tls1_3", session: "TLSv1.3"), Row(offer: "-tls1_2", session: "TLSv1.2"),
        Row(offer: "-tls1_1 -cipher ALL:@SECLEVEL=0"), Row(offer: "-tls1 -cipher ALL:@SECLEVEL=0"),
        Row(offer: "-tls1_2", change: { $0.minimum = .tls13 }, note: "minimum: 1.3"),
        // Cipher suites.
        Row(offer: "-tls1_2 -cipher \(aes128)", session: aes128),
        Row(offer: "-tls1_2 -cipher ECDHE-ECDSA-AES256-GCM-SHA384", session: "ECDHE-ECDSA-AES256-GCM-SHA384"),
        Row(offer: "-tls1_2 -cipher ECDHE-ECDSA-CHACHA20-POLY1305", session: "ECDHE-ECDSA-CHACHA20-POLY1305"),
        Row(
            offer: "-tls1_2 -cipher ECDHE-RSA-AES128-GCM-SHA256", session: "ECDHE-RSA-AES128-GCM-SHA256",
            certificates: rsa),
        Row(offer: "-tls1_2 -cipher ECDHE-ECDSA-AES128-SHA:@SECLEVEL=0"),
        Row(offer: "-tls1_2 -cipher ECDHE-ECDSA-AES128-SHA256"),
        Row(offer: "-tls1_2 -cipher AES128-GCM-SHA256", certificates: rsa),
        Row(offer: "-tls1_2 -cipher DHE-RSA-AES128-GCM-SHA256", certificates: rsa),
        Row(offer: "-tls1_2 -cipher aNULL:@SECLEVEL=0"), Row(offer: "-tls1_2 -cipher eNULL:@SECLEVEL=0"),
        Row(
            offer: "-tls1_2 -cipher AES128-SHA:@SECLEVEL=0", session: "AES128-SHA", certificates: rsa,
            change: { $0.ciphers = [.plainAES128CBC] }, note: "ciphers: [AES128-SHA]"),
        Row(
            offer: "-tls1_2 -cipher \(aes128)", change: { $0.ciphers = [.ecdsaAES256GCM] },
            note: "ciphers: [ECDHE-ECDSA-AES256-GCM-SHA384]"),
        Row(offer: "-tls1_3 -ciphersuites TLS_AES_128_GCM_SHA256", session: "TLS_AES_128_GCM_SHA256"),
        Row(offer: "-tls1_3 -ciphersuites TLS_AES_256_GCM_SHA384", session: "TLS_AES_256_GCM_SHA384"),
        Row(offer: "-tls1_3 -ciphersuites TLS_CHACHA20_POLY1305_SHA256", session: "TLS_CHACHA20_POLY1305_SHA256"),
        Row(offer: "-tls1_3 -ciphersuites TLS_AES_128_CCM_SHA256"),
        // Groups.
        Row(offer: "-groups X25519", session: "X25519"), Row(offer: "-groups P-256", session: "ECDH, prime256v1"),
        Row(offer: "-groups P-384", session: "ECDH, secp384r1"), Row(offer: "-groups P-521"),
        Row(offer: "-groups X448"),
        Row(
            offer: "-groups P-521", session: "ECDH, secp521r1", change: { $0.groups = [.x25519, .p521] },
            note: "curves: [X25519, P-521]"),
        // By a HelloRetryRequest: the client's first guess is none of the listener's.
        Row(offer: "-groups X448:P-256", session: "ECDH, prime256v1"),
        Row(offer: "-groups X25519", change: { $0.groups = [.p256] }, note: "curves: [P-256]"),
        // The order is the listener's, but the client knows whether it computes AES fast.
        Row(offer: "-groups P-384:P-256:X25519", session: "X25519"),
        Row(
            offer: "-groups X25519:P-384", session: "ECDH, secp384r1", change: { $0.groups = [.p384, .x25519] },
            note: "curves: [P-384, X25519]"),
        Row(
            offer: "-tls1_2 -cipher ECDHE-ECDSA-AES256-GCM-SHA384:\(aes128)", session: aes128),
        Row(
            offer: "-tls1_2 -cipher ECDHE-ECDSA-CHACHA20-POLY1305:\(aes128)", session: "ECDHE-ECDSA-CHACHA20-POLY1305"),
        Row(
            offer: "-tls1_2 -cipher \(aes128):ECDHE-ECDSA-AES256-GCM-SHA384", session: "ECDHE-ECDSA-AES256-GCM-SHA384",
            change: { $0.ciphers = [.ecdsaAES256GCM, .ecdsaAES128GCM] },
            note: "ciphers: [ECDHE-ECDSA-AES256-GCM-SHA384, \(aes128)]"),
        // Signatures.
        Row(offer: "-sigalgs ECDSA+SHA256", session: "Peer signature type: ECDSA"),
        Row(offer: "-sigalgs RSA-PSS+SHA256"), Row(offer: "-tls1_2 -sigalgs ECDSA+SHA1 -cipher ALL:@SECLEVEL=0"),
        Row(offer: "-sigalgs RSA-PSS+SHA256", session: "Peer signature type: RSA-PSS", certificates: rsa),
        Row(offer: "-sigalgs ed25519", session: "Peer signature type: ed25519", certificates: ["site-ed25519"]),
        Row(offer: "-tls1_2 -sigalgs RSA+SHA1 -cipher ALL:@SECLEVEL=0", certificates: rsa),
        // Protocols.
        Row(offer: "-alpn http/1.1", session: "ALPN protocol: http/1.1"),
        Row(offer: "-alpn h2,http/1.1", session: "ALPN protocol: http/1.1"), Row(offer: "-alpn h2"),
    ]

    @Test(arguments: rows) func handshakesEndAsTheyMust(row: Row) throws {
        let tls = try tls(row)
        let proxy = try tlsProxy(try Origin()) { $0.listener = { $0.tls = tls } }
        let said = try openssl(proxy, "-servername site.test \(row.offer)")
        if let session = row.session {
            #expect(said.contains(session) && !said.contains("no peer certificate available"), "\(said)")
            try proxy.eventually("the count") { proxy.count(.handshakes) == 1 }
        } else {
            // There is an alert, or the client saw by itself that it has nothing to offer.
            #expect(said.contains("Cipher is (NONE)"), "\(said)")
            #expect(proxy.count(.handshakes) == 0)
            #expect(proxy.count(HandshakeFault.Kind.broken) == 0)
        }
    }

    /// What is counted of them, and what the access log says.
    @Test func versionsAndCausesAreTold() throws {
        let tls = try showing("site")
        let log = FileManager.default.temporaryDirectory.appending(path: "apus-log-\(UUID().uuidString)")
        defer { try? FileManager.default.removeItem(at: log) }
        let proxy = try tlsProxy(try Origin()) {
            $0.listener = { $0.tls = tls }
            $0.accessLog = AccessLog(.file(path: log.path))
        }
        #expect(try curl(proxy, "/old", "--tls-max 1.2 --ciphers ECDHE-ECDSA-AES128-GCM-SHA256").hasSuffix(" 200"))
        #expect(try curl(proxy, "/new", "--tlsv1.3 --tls13-ciphers TLS_AES_256_GCM_SHA384").hasSuffix(" 200"))
        for offer in ["-tls1_2 -cipher AES128-SHA:@SECLEVEL=0", "-tls1_2 -groups P-521", "-groups P-521"] {
            _ = try openssl(proxy, "-servername site.test \(offer)")
        }
        _ = try openssl(proxy, "-servername site.test -alpn h2")
        _ = try curl(proxy, "/", "--cacert \(TestCertificates.path("stranger.pem"))")
        try proxy.eventually("the counts") { proxy.count(.handshakeFailures) == 5 && proxy.count(.handshakes) == 2 }
        #expect(proxy.count(.handshakesOf12) == 1)
        #expect(proxy.count(.nothingInCommon) == 3 && proxy.count(.unknownProtocol) == 1)
        let others = HandshakeFault.Kind.allCases.filter { proxy.count($0) > 0 && $0 != .nothingInCommon }
        #expect(others == [.unknownProtocol, .refusedByClient])
        try proxy.eventually("the log") {
            (try? String(contentsOf: log, encoding: .utf8))?.split(separator: "\n").count == 2
        }
        let lines = try String(contentsOf: log, encoding: .utf8).split(separator: "\n")
        let cipher = "ECDHE-ECDSA-AES128-GCM-SHA256"
        #expect(
            lines[0].contains("\"server_name\":\"site.test\",\"tls_version\":\"TLSv1.2\",\"tls_cipher\":\"\(cipher)\""))
        #expect(lines[1].contains("\"tls_version\":\"TLSv1.3\",\"tls_cipher\":\"TLS_AES_256_GCM_SHA384\""))
    }

    private func tls(_ row: Row) throws -> ListenerTLS {
        var tls = ListenerTLS()
        tls.certificates = try row.certificates.map {
            let certificate = try certificate($0)
            return .init(certificate, names: certificate.names)
        }
        row.change(&tls)
        return tls
    }

    // MARK: - Abuse

    /// A record: its kind, and what it holds.
    private static func record(_ kind: UInt8, _ bytes: [UInt8], count: Int? = nil) -> [UInt8] {
        let count = count ?? bytes.count
        return [kind, 3, 3, UInt8(count >> 8), UInt8(count & 0xff)] + bytes
    }

    static let abuses: [(String, [UInt8])] = [
        ("a record of 18 KiB", record(22, Array(repeating: 0, count: 18_433))),
        ("a record that says it has 64 KiB", record(22, [1, 0, 0], count: 65_535)),
        ("empty handshake records", Array((0..<200).map { _ in record(22, []) }.joined())),
        ("empty records of data", Array((0..<200).map { _ in record(23, []) }.joined())),
        ("warnings", Array((0..<200).map { _ in record(21, [1, 90]) }.joined())),
        ("changes of ciphers", Array((0..<200).map { _ in record(20, [1]) }.joined())),
        ("an alert that is half", record(21, [2])),
        ("a kind that there is not", record(99, [1, 2, 3])),
        (
            "a ClientHello of 16 MiB, by its length",
            record(22, [1, 0xff, 0xff, 0xff] + Array(repeating: 0, count: 8_000))
        ),
    ]

    /// Each ends the connection at once, before a handshake and, as far as they can be sent, behind a ClientHello.
    @Test(arguments: abuses, [false, true])
    func whoAbusesTheProtocolIsGone(abuse: (name: String, bytes: [UInt8]), behindAHello: Bool) throws {
        let tls = try showing("site")
        let proxy = try tlsProxy(try Origin()) { $0.listener = { $0.tls = tls } }
        let client = try proxy.connect()
        if behindAHello {
            let conversation = try TLSConversation(try trusting(), to: "site.test", at: proxy.address)
            try client.send(conversation.takeSealed())
        }
        let start = ContinuousClock.now
        // The other end may be gone before all is sent.
        try? client.send(abuse.bytes)
        _ = try? client.readToEnd()
        #expect(start.duration(to: .now) < .seconds(5), "\(abuse.name)")
        try proxy.eventually("the failure") { proxy.count(.handshakeFailures) == 1 }
        #expect(proxy.count(.handshakes) == 0)
        #expect(try curl(proxy).hasSuffix(" 200"))
    }

    /// One after the other, as `openssl s_client` sends them when it is told to: `K` asks for new keys, `R` for a new handshake.
    @Test(arguments: [("K", "-tls1_3", 100), ("k", "-tls1_3", 100), ("R", "-tls1_2", 1)] as [(String, String, Int)])
    func afterAHandshakeItIsTheSame(theCase: (letter: String, version: String, count: Int)) throws {
        let tls = try showing("site")
        let proxy = try tlsProxy(try Origin()) { $0.listener = { $0.tls = tls } }
        let (letter, version, count) = theCase
        let start = ContinuousClock.now
        // `s_client` reads a letter at a time; it ends when the other end does, long before its input.
        let said = try printed(
            by: "(sleep 0.5; for i in $(seq \(count)); do echo \(letter); sleep 0.02; done; sleep 4) | "
                + "timeout 30 openssl s_client -connect 127.0.0.1:\(proxy.address.port) -servername site.test \(version); true"
        )
        #expect(said.contains(letter == "R" ? "RENEGOTIATING" : "KEYUPDATE"))
        #expect(proxy.count(.handshakes) == 1)
        // The pipe's other end goes on; the connection had ended.
        try proxy.eventually("the end") { proxy.count(.connectionsClosed) == 1 }
        #expect(start.duration(to: .now) < .seconds(25))
        // Some are in order.
        if letter != "R" {
            let few = try printed(
                by: "(sleep 0.3; for i in 1 2 3; do echo \(letter); sleep 0.05; done; "
                    + "printf 'GET / HTTP/1.1\\r\\nHost: a\\r\\nConnection: close\\r\\n\\r\\n'; sleep 5) | timeout 30 openssl s_client "
                    + "-connect 127.0.0.1:\(proxy.address.port) -servername site.test \(version)")
            #expect(few.contains("HTTP/1.1 200 OK"))
        }
    }
}
