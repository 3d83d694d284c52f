import ApusAddresses
import ApusModel
import Foundation
import HTTPTypes
import Hummingbird
import Logging
import Testing

@testable import ApusControl

/// The document, the router and the answers say the same.
@Suite struct OpenAPITests {
    /// docs/openapi.json of this repository.
    static let file = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent().deletingLastPathComponent().appending(path: "docs/openapi.json")

    /// APUS_RECORD=1 writes the file anew.
    @Test func theKeptDocumentIsTheServedOne() throws {
        if ProcessInfo.processInfo.environment["APUS_RECORD"] != nil {
            try OpenAPIDocument.text.write(to: Self.file, atomically: true, encoding: .utf8)
        }
        let kept = try String(contentsOf: Self.file, encoding: .utf8)
        #expect(
            kept == OpenAPIDocument.text,
            "run `APUS_RECORD=1 swift test --filter OpenAPITests`, and look at the difference")
    }

    @Test func everyRouteIsInTheDocumentAndTheOtherWayRound() async throws {
        let fixture = try ConfigurationFixture()
        let api = AdminAPI(
            live: fixture.live, configuration: fixture.running, serving: ServingState(),
            health: { .of(fixture.live.view.snapshot, []) }, upgrade: nil)
        let router = api.router(
            door: AdminDoor(opened: AdminFixture.address, index: 0, live: fixture.live), logger: Logger(label: "test"))
        // HEAD goes wherever GET does (RFC 9110 section 9.3.2).
        let routed = Set(router.routes.filter { $0.method != .head }.map { "\($0.method.rawValue) \($0.path)" })
        let document = try JSONValue(parsing: String(contentsOf: Self.file, encoding: .utf8))
        let described = Set(
            (document["paths"]?.members ?? [:]).flatMap { path, operations in
                operations.members.keys.map { "\($0.uppercased()) \(path)" }
            })
        #expect(routed == described)
        #expect(routed.count == AdminOperation.all.count)
        #expect(Set(AdminOperation.all.map(\.id)).count == AdminOperation.all.count)
    }

    @Test func everySchemaThatIsNamedIsThere() throws {
        let schemas = OpenAPIDocument.document["components"]?["schemas"]?.members ?? [:]
        let text = OpenAPIDocument.text
        for match in text.matches(of: /#\/components\/schemas\/(\w+)/) {
            #expect(schemas[String(match.1)] != nil, "\(match.1)")
        }
        for name in schemas.keys { #expect(text.contains("#/components/schemas/\(name)\""), "\(name) is used nowhere") }
    }

    // MARK: - Answers

    /// A request, the status that it must get, and the operation that it is for.
    struct Case: Sendable {
        var method: String
        var path: String
        var template: String
        var status: Int
        var body = ""
        var fields: [String: String] = [:]
    }

    /// What asks for a comparison with a configuration.
    static func diff(of text: String) -> String {
        JSONValue.object(["files": [.object(["path": "a.yaml", "text": .text(text)])]]).jsonText
    }

    static let cases: [Case] = {
        var cases: [Case] = []
        func add(
            _ method: String, _ template: String, _ status: Int, _ path: String? = nil, _ body: String = "",
            _ fields: [String: String] = [:]
        ) {
            cases.append(
                Case(
                    method: method, path: path ?? template, template: template, status: status, body: body,
                    fields: fields))
        }
        for path in [
            "/", "/livez", "/readyz", "/metrics", "/openapi.json", "/v1/status", "/v1/listeners", "/v1/routes",
            "/v1/certificates", "/v1/pools", "/v1/endpoints", "/v1/connections", "/v1/config",
            "/v1/config/revisions",
        ] {
            add("GET", path, 200)
            if path != "/livez", path != "/readyz" { add("GET", path, 403, nil, "", ["Host": "evil.example"]) }
        }
        let pool = "/v1/pools/{pool}"
        let endpoint = "/v1/pools/{pool}/endpoints/{address}"
        add("GET", "/v1/certificates", 200, "/v1/certificates?text")
        add("GET", "/v1/certificates", 400, "/v1/certificates?text=maybe")
        add("GET", "/v1/pools", 200, "/v1/pools?text")
        add("GET", "/v1/pools", 400, "/v1/pools?text=maybe")
        add("GET", pool, 200, "/v1/pools/web")
        add("GET", pool, 404, "/v1/pools/wep")
        add("GET", endpoint, 200, "/v1/pools/web/endpoints/127.0.0.1:2")
        add("GET", endpoint, 404, "/v1/pools/web/endpoints/127.0.0.1:9")
        add("GET", "/v1/config/revisions/{number}", 200, "/v1/config/revisions/1")
        add("GET", "/v1/config/revisions/{number}", 400, "/v1/config/revisions/one")
        add("GET", "/v1/config/revisions/{number}", 404, "/v1/config/revisions/7")
        let other = ConfigurationFixture.text + "\ntimeouts: { drain: 1s }\n"
        add("POST", "/v1/config/validate", 200, nil, other)
        add("POST", "/v1/config/validate", 422, nil, "listners: []")
        add("POST", "/v1/config/validate", 413, nil, "", ["Content-Length": "99999999"])
        add("POST", "/v1/config/diff", 200, nil, diff(of: other))
        add("POST", "/v1/config/diff", 400, nil, #"{"files": []}"#)
        add("POST", "/v1/config/diff", 400, nil, #"{"files": [{"path": "a.yaml"}]}"#)
        add("POST", "/v1/config/diff", 422, nil, diff(of: "listners: []"))
        add("POST", "/v1/config/diff", 413, nil, "", ["Content-Length": "99999999"])
        add("PUT", "/v1/config", 200, nil, other)
        add("PUT", "/v1/config", 200, "/v1/config?dry_run", other)
        add("PUT", "/v1/config", 400, "/v1/config?dry_run=perhaps", other)
        add("PUT", "/v1/config", 412, nil, other, ["If-Match": "\"0\""])
        add("PUT", "/v1/config", 422, nil, "a: [")
        add("PUT", "/v1/config", 403, nil, other, ["Origin": "http://evil.example"])
        add("POST", "/v1/config/reload", 200)
        add("POST", "/v1/config/reload", 200, "/v1/config/reload?dry_run=true")
        add("POST", "/v1/config/rollback", 404)
        add("POST", "/v1/config/rollback", 404, nil, #"{"revision": 7}"#)
        add("POST", "/v1/config/rollback", 400, nil, #"{"revision": "7"}"#)
        add("POST", "/v1/config/rollback", 412, nil, "", ["If-Match": "\"0\""])
        let endpoints = "/v1/pools/{pool}/endpoints"
        add("POST", endpoints, 201, "/v1/pools/web/endpoints", #"{"address": "127.0.0.1:7", "weight": 2}"#)
        add("POST", endpoints, 400, "/v1/pools/web/endpoints", #"{"address": "example.com:7"}"#)
        add(
            "POST", endpoints, 400, "/v1/pools/web/endpoints",
            #"{"address": "127.0.0.1:7", "backup": true, "tier": 2}"#)
        add("POST", endpoints, 404, "/v1/pools/wep/endpoints", #"{"address": "127.0.0.1:7"}"#)
        add("POST", endpoints, 409, "/v1/pools/web/endpoints", #"{"address": "127.0.0.1:1"}"#)
        add("PATCH", endpoint, 200, "/v1/pools/web/endpoints/127.0.0.1:1", #"{"drain": true}"#)
        add("PATCH", endpoint, 200, "/v1/pools/web/endpoints/127.0.0.1:1", #"{"weight": null}"#)
        add("PATCH", endpoint, 400, "/v1/pools/web/endpoints/127.0.0.1:1", #"{"weight": 65536}"#)
        add("PATCH", endpoint, 404, "/v1/pools/web/endpoints/127.0.0.1:9", #"{"weight": 1}"#)
        add("DELETE", endpoint, 200, "/v1/pools/web/endpoints/127.0.0.1:1")
        add("DELETE", endpoint, 404, "/v1/pools/web/endpoints/127.0.0.1:9")
        add("DELETE", endpoint, 409, "/v1/pools/api/endpoints/127.0.0.1:3")
        add("POST", "/v1/upgrade", 200)
        return cases
    }()

    @Test func answersAreAsTheDocumentSays() async throws {
        let document = try JSONValue(parsing: String(contentsOf: Self.file, encoding: .utf8))
        let upgrade: @Sendable () async throws -> String = { "process 7 has taken over" }
        for test in Self.cases {
            // On a Unix socket any host will do.
            let admin = test.fields["Host"] == nil ? nil : AdminFixture.address
            try await AdminFixture.run(admin: admin, upgrade: upgrade) { server in
                let answer = try await server.send(test.method, test.path, test.fields, test.body)
                try Self.check(answer, of: test, document)
            }
        }
    }

    @Test func everyOperationHasBeenTried() {
        // A rollback takes something to go back to: below.
        let tried: Set = ["POST /v1/config/rollback"]
        let all = tried.union(Self.cases.filter { $0.status < 300 }.map { "\($0.method) \($0.template)" })
        #expect(all == Set(AdminOperation.all.map { "\($0.method.rawValue) \($0.path)" }))
    }

    @Test func answersThatTakeMoreToCome() async throws {
        let document = try JSONValue(parsing: String(contentsOf: Self.file, encoding: .utf8))
        try await AdminFixture.run { server in
            let upgrade = Case(method: "POST", path: "/v1/upgrade", template: "/v1/upgrade", status: 501)
            try Self.check(await server.send("POST", "/v1/upgrade"), of: upgrade, document)
            let rollback = Case(
                method: "POST", path: "/v1/config/rollback", template: "/v1/config/rollback", status: 200)
            _ = try await server.send("PUT", "/v1/config", [:], ConfigurationFixture.text + "\ntimeouts: { drain: 1s }")
            try Self.check(await server.send("POST", "/v1/config/rollback"), of: rollback, document)
            await server.configuration.adopter.fail("cannot listen on 127.0.0.1:80: permission denied")
            let text = ConfigurationFixture.text + "\nlimits: { head: 4KiB }"
            let apply = Case(method: "PUT", path: "/v1/config", template: "/v1/config", status: 409)
            try Self.check(await server.send("PUT", "/v1/config", [:], text), of: apply, document)
        }
        try await AdminFixture.run(phase: .draining) { server in
            let ready = Case(method: "GET", path: "/readyz", template: "/readyz", status: 503)
            try Self.check(await server.get("/readyz"), of: ready, document)
        }
        let token = Secret(Array("a token of sixteen".utf8))
        try await AdminFixture.run(
            ConfigurationFixture.text + "\nadmin: { bind: 127.0.0.1:9900, token: a token of sixteen }",
            admin: Admin(SocketAddress("127.0.0.1:0")!, token: token)
        ) { server in
            let status = Case(method: "GET", path: "/v1/status", template: "/v1/status", status: 401)
            try Self.check(await server.get("/v1/status"), of: status, document)
        }
    }

    static func check(_ answer: AdminFixture.Answer, of test: Case, _ document: JSONValue) throws {
        let name: Comment = "\(test.method) \(test.path) \(test.body): \(answer.status) \(answer.body)"
        #expect(answer.status == test.status, name)
        let operation = try #require(document["paths"]?[test.template]?[test.method.lowercased()], name)
        let response = try #require(operation["responses"]?["\(answer.status)"], name)
        let type = answer.type?.split(separator: ";").first.map(String.init) ?? ""
        let content = try #require(response["content"]?[type], name)
        if response["headers"]?["ETag"] != nil, !test.path.contains("dry_run") {
            #expect(answer.fields["etag"] != nil, name)
        }
        guard type.hasSuffix("json"), let schema = content["schema"] else { return }
        #expect(SchemaCheck(document).mistakes(in: try answer.json(), schema) == [], name)
    }

    /// The check finds what it is there to find.
    @Test func theCheckFindsMistakes() throws {
        let document = OpenAPIDocument.document
        let check = SchemaCheck(document)
        let revision = OpenAPIDocument.reference("Revision")
        let good: JSONValue = [
            "number": 1, "time": "2026-03-01T14:03:20Z", "cause": "start", "etag": "x", "running": true, "files": ["a"],
        ]
        #expect(check.mistakes(in: good, revision) == [])
        for (key, wrong) in [
            ("number", JSONValue.text("1")), ("number", .integer(-1)), ("time", .text("noon")),
            ("cause", .text("whim")),
            ("running", .null), ("files", .list([.integer(1)])), ("more", .integer(1)),
        ] {
            var members = good.members
            members[key] = wrong
            #expect(check.mistakes(in: .object(members), revision).count == 1, "\(key): \(wrong)")
            members[key] = nil
            #expect(check.mistakes(in: .object(members), revision).count == (key == "more" ? 0 : 1))
        }
    }
}
