import ApusModel
import Foundation
import Logging
import NIOCore
import Synchronization
import Testing

@testable import ApusControl

@Suite struct ChangeLogTests {
    /// Keeps what is logged.
    final class Lines: LogHandler, Sendable {
        private let lines = Mutex<[String]>([])
        var all: [String] { lines.withLock { $0 } }

        var metadata: Logger.Metadata {
            get { [:] }
            set {}
        }
        var logLevel: Logger.Level {
            get { .trace }
            set {}
        }
        subscript(metadataKey _: String) -> Logger.Metadata.Value? {
            get { nil }
            set {}
        }

        func log(event: LogEvent) {
            lines.withLock { $0.append("\(event.level) \(event.message)") }
        }
    }

    /// What is logged while `body` asks a listener, of the lines about changes.
    func lines(
        _ admin: Admin, _ text: String = ConfigurationFixture.text,
        connections: AdminConnections = AdminConnections(limits: AdminLimits()),
        _ body: (AdminFixture) async throws -> Void
    ) async throws -> [String] {
        let lines = Lines()
        try await AdminFixture.run(
            text, admin: admin, logger: Logger(label: "test") { _ in lines },
            connections: connections, body)
        return lines.all.filter { $0.contains(" admin: ") }
    }

    static func socket() -> Admin {
        Admin(bind: .unix(path: "/tmp/apus-log-\(UInt64.random(in: 0...UInt64.max)).sock"))
    }

    @Test func everyChangeIsLoggedWithWhoMadeIt() async throws {
        let admin = Self.socket()
        let web = "/v1/pools/web/endpoints"
        let logged = try await lines(admin) { server in
            _ = try await server.send("PUT", "/v1/config", [:], ConfigurationFixture.text + "\ntimeouts: { drain: 1s }")
            _ = try await server.send("POST", "/v1/config/reload")
            _ = try await server.send("POST", "/v1/config/rollback", [:], #"{"revision": 1}"#)
            _ = try await server.send("POST", web, [:], #"{"address": "127.0.0.1:7"}"#)
            _ = try await server.send("PATCH", web + "/127.0.0.1:2", [:], #"{"weight": 5, "drain": true}"#)
            _ = try await server.send("DELETE", web + "/127.0.0.1:7")
        }
        let by = "by uid \(geteuid()), gid \(getegid()), pid \(getpid()) through \(admin.bind)"
        #expect(
            logged == [
                "notice admin: PUT /v1/config, \(by): revision 2 runs, 1 setting changed",
                "notice admin: POST /v1/config/reload, \(by): revision 3 runs, 1 setting changed",
                "notice admin: POST /v1/config/rollback (to revision 1), \(by): revision 3 runs, nothing changes",
                "notice admin: POST \(web) (127.0.0.1:7, weight 1), \(by): added",
                "notice admin: PATCH \(web)/127.0.0.1:2 (weight 5, drain), \(by): done",
                "notice admin: DELETE \(web)/127.0.0.1:7, \(by): removed",
            ])
    }

    /// Nor are questions, and what only says what would happen.
    @Test func whatChangesNothingIsNotLogged() async throws {
        let logged = try await lines(Self.socket()) { server in
            _ = try await server.get("/v1/status")
            _ = try await server.send("POST", "/v1/config/reload?dry_run")
            _ = try await server.send("POST", "/v1/config/validate", [:], ConfigurationFixture.text)
        }
        #expect(logged == [])
    }

    @Test func whatIsRefusedIsLogged() async throws {
        let logged = try await lines(AdminFixture.address) { server in
            _ = try await server.send("PUT", "/v1/config", [:], "listeners: no")
            _ = try await server.send("POST", "/v1/\u{7f}nothing")
        }
        #expect(logged.count >= 1)
        let pattern = /warning admin: refused PUT \/v1\/config, by 127\.0\.0\.1:\d+ through 127\.0\.0\.1:0: 403, .*/
        #expect(logged[0].wholeMatch(of: pattern) != nil, "\(logged[0])")
        let others = try await lines(Self.socket()) { server in
            _ = try await server.send("PUT", "/v1/config", [:], "listeners: no")
        }
        #expect(others.count == 1 && others[0].hasSuffix(": 422, The configuration has errors"), "\(others)")
    }

    /// What took place is logged as that, although the caller was told something else, and however many were refused.
    @Test func aChangeWithoutAnAnswerIsLogged() async throws {
        var limits = AdminLimits()
        limits.answerMemory = 1024
        let connections = AdminConnections(limits: limits)
        // The only answer always gets its memory, so something else has some.
        let held = connections.answerMemory.lease()
        #expect(held.take(1))
        let logged = try await lines(Self.socket(), connections: connections) { server in
            for _ in 0..<30 { _ = try await server.send("PUT", "/v1/config", [:], "listeners: no") }
            let endpoints = (1...100).map { "127.0.0.1:\($0)" }.joined(separator: ", ")
            let text = "listeners: [{ bind: 127.0.0.1:8080 }]\npools: { web: { endpoints: [\(endpoints)] } }"
            let answer = try await server.send("PUT", "/v1/config", [:], text)
            #expect(answer.status == 503, "\(answer.body)")
            #expect(answer.body.contains("The change itself took place: revision 2 runs"))
        }
        withExtendedLifetime(held) {}
        let last = try #require(logged.last)
        #expect(last.hasPrefix("notice admin: PUT /v1/config, by uid"), "\(last)")
        #expect(last.contains(": revision 2 runs, "), "\(last)")
        #expect(last.hasSuffix("; the answer was 503, Other requests take the memory there is"), "\(last)")
    }

    @Test func aFloodOfRefusalsDoesNotFillTheLog() async throws {
        let start = NIODeadline.now()
        let logged = try await lines(AdminFixture.address) { server in
            for _ in 0..<30 { _ = try await server.send("DELETE", "/v1/pools/web/endpoints/127.0.0.1:1") }
        }
        // One more is told of every ten seconds, on a machine so slow that this takes as long.
        let late = Int((NIODeadline.now() - start).nanoseconds / 10_000_000_000)
        #expect((RefusalMeter.burst...min(29, RefusalMeter.burst + late)).contains(logged.count))
    }

    @Test func theMeterTellsHowManyItLeftOut() {
        var meter = RefusalMeter()
        let start = NIODeadline.uptimeNanoseconds(1_000_000_000)
        #expect(
            (0..<25).map { _ in meter.admit(at: start) } == Array(repeating: 0, count: 20)
                + Array(repeating: nil, count: 5))
        #expect(meter.admit(at: start + .seconds(9)) == nil)
        #expect(meter.admit(at: start + .seconds(10)) == 6)
        #expect(meter.admit(at: start + .seconds(19)) == nil)
        #expect(meter.admit(at: start + .hours(10)) == 1)
        let later = (0..<25).map { _ in meter.admit(at: start + .hours(10)) }
        #expect(later.count { $0 != nil } == RefusalMeter.burst - 1)
    }
}
