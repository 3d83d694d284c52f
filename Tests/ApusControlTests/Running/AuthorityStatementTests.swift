import ApusAddresses
import ApusBalancing
import ApusModel
import Foundation
import Logging
import NIOPosix
import Testing

@testable import ApusControl

/// Lists of revoked certificates and OCSP responses, and when they are told of.
@Suite struct AuthorityStatementTests {
    private final class Held: Certificate.Holder, Authorities.Holder {}

    private static let day: Int64 = 86_400
    private static let now: Int64 = 1_780_000_000

    private static func certificate(until end: Int64, _ stapled: StapledResponse? = nil) -> Certificate {
        var certificate = Certificate(
            file: "site.pem", keyFile: "site.key", names: ["site.test"], notBefore: 0, notAfter: end, issuer: "CN=A",
            keyKind: "ECDSA", keyBits: 256, fingerprint: Array(0..<32), digest: [], held: Held())
        certificate.stapled = stapled
        return certificate
    }

    private static func lists(_ newest: [RevocationLists.Newest]) -> ClientCertificateRules {
        var rules = ClientCertificateRules(
            Authorities(file: "ca.pem", isSystems: false, count: 1, digest: [], held: Held()))
        rules.revoked = RevocationLists(file: "clients.crl", count: 1, nextUpdate: nil, digest: [], newest: newest)
        return rules
    }

    /// A snapshot whose listener shows that, and whose clients are judged by those lists.
    private static func snapshot(
        _ certificate: Certificate = certificate(until: .max), _ newest: [RevocationLists.Newest] = []
    ) -> Snapshot {
        let plain = Snapshot.pool([SocketAddress("127.0.0.1:1")!])
        var listener = plain.listeners[0]
        var tls = ListenerTLS()
        tls.certificates = [
            .init(certificate, names: ["site.test"], clients: newest.isEmpty ? nil : lists(newest)),
            .init(certificate, names: ["other.test"], clients: newest.isEmpty ? nil : lists(newest)),
        ]
        listener.tls = tls
        return Snapshot(
            workers: 1, listeners: [listener], routes: plain.routes, pools: plain.pools, endpoints: plain.endpoints)
    }

    /// Lives of a day, of nine days and of thirty.
    @Test(
        arguments: [
            (day, 8 * 3_600), (9 * day, 3 * day), (30 * day, 3 * day), (0, 0), (-day, 0),
        ] as [(Int64, Int64)])
    func theLastThirdIsToldOfThreeDaysAtMost(life: Int64, warning: Int64) {
        let statement = AuthorityStatement(
            kind: .response(name: "a"), place: .listener(0), file: "f", since: Self.now - life, until: Self.now)
        func state(_ time: Int64) -> AuthorityStatement.State { statement.state(at: time) }
        #expect(statement.warningTime == Self.now - warning)
        #expect(state(Self.now - warning - 1) == .good && state(Self.now) == .hasEnded)
        if warning > 0 { #expect(state(Self.now - warning) == .endsSoon && state(Self.now - 1) == .endsSoon) }
    }

    @Test func eachIsToldOnceAheadAndOnceAfter() {
        let list = RevocationLists.Newest(
            issuer: "CN=A", thisUpdate: Self.now - 30 * Self.day, nextUpdate: Self.now)
        let snapshot = Self.snapshot(newest: [list, .init(issuer: "CN=B", thisUpdate: 0, nextUpdate: nil)])
        #expect(snapshot.revocationLists.count == 2)
        var watch = EndingWatch(now: Self.now - 4 * Self.day)
        #expect(watch.look(at: snapshot, now: Self.now - 3 * Self.day - 1) == [])
        #expect(
            watch.look(at: snapshot, now: Self.now - 3 * Self.day) == [
                "clients' certificates at listener 127.0.0.1:8080: the list clients.crl is out of date from "
                    + "2026-05-28T20:26:40Z on, and nobody with a certificate of CN=A is let in then; put a newer one in its place"
            ])
        #expect(watch.look(at: snapshot, now: Self.now - 2) == [])
        #expect(
            watch.look(at: snapshot, now: Self.now + 5) == [
                "clients' certificates at listener 127.0.0.1:8080: the list clients.crl is out of date since "
                    + "2026-05-28T20:26:40Z: nobody with a certificate of CN=A is let in; put a newer one in its place"
            ])
        #expect(watch.look(at: snapshot, now: Self.now + 6) == [])
        // What had ended before is told where it is loaded.
        var later = EndingWatch(now: Self.now + 1)
        #expect(later.look(at: snapshot, now: Self.now + 2) == [])
    }

    @Test func responsesAndCertificatesAreToldOf() {
        let stapled = StapledResponse(
            file: "site.ocsp", until: Self.now, digest: [], since: Self.now - 7 * Self.day)
        let snapshot = Self.snapshot(Self.certificate(until: Self.now + 10, stapled))
        var watch = EndingWatch(now: Self.now - 1)
        _ = watch.look(at: snapshot, now: Self.now - 1)
        let ended = watch.look(at: snapshot, now: Self.now)
        #expect(
            Set(ended) == [
                "the OCSP response site.ocsp for site.test at listener 127.0.0.1:8080 held until 2026-05-28T20:26:40Z, "
                    + "and is not shown any more; have a newer one fetched"
            ])
        let after = watch.look(at: snapshot, now: Self.now + 10)
        #expect(after.first?.hasPrefix("the certificate site.pem for site.test at listener 127.0.0.1:8080 has") == true)
        let broken = StapledResponse(file: "site.ocsp", until: nil, digest: [], fault: "it is cut off")
        let warnings = Self.snapshot(Self.certificate(until: .max, broken)).authorityStatements
            .compactMap { $0.warning(at: Self.now, place: "listener a") }
        #expect(warnings.first == "the OCSP response site.ocsp for site.test at listener a is not shown: it is cut off")
    }

    @Test func metricsSayWhenAListIsOutOfDate() throws {
        let list = RevocationLists.Newest(issuer: "CN=A", thisUpdate: 0, nextUpdate: Self.now)
        let snapshot = Self.snapshot(newest: [list, .init(issuer: "CN=B", thisUpdate: 0, nextUpdate: nil)])
        let metrics = MetricsText(snapshot: snapshot, counters: FakeDataPlane(snapshot))
        let text = metrics.render(health: .of(snapshot, [nil]))
        let samples = try Exposition(text).samples.filter { $0.name == "apus_tls_revocation_list_not_after_seconds" }
        #expect(
            samples == [
                .init(
                    name: "apus_tls_revocation_list_not_after_seconds",
                    labels: ["listener": "127.0.0.1:8080", "issuer": "CN=A", "file": "clients.crl"],
                    value: Double(Self.now))
            ])
    }

    /// The log names the list, at warning: it is not the client's fault.
    @Test func handshakesThatFailForAListSaySo() async throws {
        func lines(_ newest: [RevocationLists.Newest], _ fault: CertificateFault) async -> [String] {
            let snapshot = Self.snapshot(newest: newest)
            let log = LogRecorder()
            let prober = Prober(
                snapshot: snapshot, link: FakeDataPlane(snapshot),
                eventLoop: MultiThreadedEventLoopGroup.singleton.next(), logger: Logger(label: "test") { _ in log })
            let client = FailedClient(address: "10.0.0.7")
            let event = RefusalNews.Event.handshakeFailed(.certificate(fault), client, count: 3)
            await prober.observe(.refused(RefusalNews(at: 0, of: snapshot, event)))
            return log.lines
        }
        let outdated = RevocationLists.Newest(issuer: "CN=A", thisUpdate: 0, nextUpdate: 1_700_000_000)
        let told = await lines([outdated], .noRevocationList)
        #expect(told.count == 1 && told[0].hasPrefix("warning: 3 TLS handshakes at listener"), "\(told)")
        let words = "the list clients.crl is out of date since 2023-11-14T22:13:20Z"
        #expect(told.first?.contains(words) == true, "\(told)")
        let current = RevocationLists.Newest(issuer: "CN=A", thisUpdate: 0, nextUpdate: nil)
        let missing = await lines([current], .noRevocationList)
        #expect(missing.first?.contains("no list of revoked certificates (`crl`) is of") == true, "\(missing)")
        #expect(await lines([outdated], .revoked).first?.hasPrefix("info: ") == true)
    }
}

extension AuthorityStatementTests {
    private static func snapshot(newest: [RevocationLists.Newest]) -> Snapshot {
        snapshot(certificate(until: .max), newest)
    }
}
