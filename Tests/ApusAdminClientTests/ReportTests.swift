import Testing

@testable import ApusAdminClient

@Suite("Reports")
struct ReportTests {
    @Test("a status is read and shown, with members of a later version in it")
    func status() throws {
        let report = try StatusReport(
            json: """
                {"version": "1.2.3", "swift": "6.3", "process": {"id": 42, "residentBytes": 31457280,
                 "openDescriptors": 57, "cpuSeconds": 1}, "node": "edge-1", "phase": "serving", "ready": false,
                 "notReadyBecause": "pool web has no endpoint", "since": "2026-03-01T14:02:10Z", "uptimeSeconds": 300,
                 "revision": {"number": 7, "time": "2026-03-01T14:02:10Z", "cause": "admin", "etag": "x",
                  "running": true, "files": ["apus.yaml", "pools.yaml"]},
                 "dynamicChanges": 2, "requests": {"total": 1234, "byClass": {"2xx": 1200, "5xx": 34}, "inFlight": 3,
                  "queued": 0}, "failures": {"seconds": 60, "byReason": {"connect_failed": 20, "queue_full": 20,
                  "descriptor_limit": 40}, "byPool": {"web": 112}, "handshakes": {"other": 1, "client_certificate": 4}}, "listeners": [{"name": "web", "address": "0.0.0.0:80", "routes": 1,
                  "openConnections": 12, "acceptedConnections": 5, "receivedBytes": 1, "sentBytes": 1}],
                 "unresolvedNames": ["a.test", "b.test"],
                 "keptNames": [{"name": "a.test", "addresses": ["10.0.0.1"], "found": "2026-03-01T13:00:00Z"}],
                 "ownEndpoints": [{"pool": "web", "name": "c.test:80", "address": "127.0.0.1:80", "words": "c is Apus"}],
                 "accessLogTrouble": {"destination": "/a.log", "reason": "No space left on device",
                  "since": "2026-03-01T14:03:00Z", "droppedLines": 1540},
                 "endingCertificates": ["a.pem ends"], "revocationWarnings": ["a.crl is out of date"],
                 "refusedFiles": {"time": "2026-03-01T14:04:00Z", "cause": "certificates",
                  "reason": "apus.yaml:1:2: error: no", "stopsRestart": true},
                 "workers": [], "later": {}}
                """)
        #expect(
            report.text(pools: "web: 0 of 2\n") == """
                apus 1.2.3, process 42, serving, up for 5 min, not ready: pool web has no endpoint
                configuration: revision 7 since 2026-03-01T14:02:10Z (admin), apus.yaml, pools.yaml, \
                and 2 changed while running
                requests: 1,234 (2xx 1,200, 5xx 34), 3 in flight, 0 waiting
                failures in the last 60 s: 40 descriptor_limit, 20 connect_failed, 20 queue_full; 5xx of origins: 112 from web
                TLS handshakes refused in the last 60 s: 5 (4 client_certificate, 1 other)
                memory: 30M, descriptors: 57
                host names that were not found: a.test, b.test
                  a.test is taken for 10.0.0.1, as last found at 2026-03-01T13:00:00Z, before this process
                warning: access log /a.log is not written since 2026-03-01T14:03:00Z: No space left on device; \
                1,540 lines were dropped since the start
                warning: c is Apus
                warning: a.pem ends
                warning: a.crl is out of date
                warning: the files were refused at 2026-03-01T14:04:00Z (certificates): apus.yaml:1:2: error: no; \
                a restart would fail
                listener 0.0.0.0:80 (web): 1 route, 12 clients
                web: 0 of 2

                """)
        let own = try #require(report.ownEndpoints?.first)
        #expect([own.pool, own.name, own.address, own.words] == ["web", "c.test:80", "127.0.0.1:80", "c is Apus"])
        #expect(throws: (any Error).self) { try StatusReport(json: "{}") }
    }

    @Test("what came of a reload is told")
    func adoption() throws {
        func report(_ effect: String) throws -> AdoptionReport {
            try AdoptionReport(
                json: """
                    {"effect": "\(effect)", "revision": {"number": 8}, "summary": "1 pool changes",
                     "changes": ["pool web: weight"], "warnings": [{"rendered": "a:1:1: warning: x"}],
                     "notes": ["not kept"]}
                    """
            )
        }
        func text(_ effect: String) throws -> String { try report(effect).text }
        #expect(try report("adopted").warnings.map(\.rendered) == ["a:1:1: warning: x"])
        let rest = "\n  pool web: weight\nnote: not kept\n"
        #expect(try text("adopted") == "Revision 8 runs. 1 pool changes\(rest)")
        #expect(try text("dry_run") == "It would run. 1 pool changes\(rest)")
        #expect(try text("unchanged") == "Revision 8 runs already; nothing has changed.\(rest)")
    }

    @Test("what came of a change of an endpoint is told")
    func endpoint() throws {
        let report = try EndpointReport(
            json: """
                {"endpoint": {"pool": "web", "name": "a:80", "words": "draining", "weight": 3, "inFlight": 2}, "notes": []}
                """)
        #expect(report.text == "web: a:80  weight 3  in flight 2  draining\n")
        #expect(try EndpointReport(json: #"{"notes": ["gone"]}"#).text == "note: gone\n")
    }
}
