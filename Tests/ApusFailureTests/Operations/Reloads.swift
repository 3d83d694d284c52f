import ApusAddresses
import ApusModel
import ApusTestKit
import Foundation
import Testing

extension DailyOperations {
    /// A configuration with an error changes nothing: what clients get, what the admin server tells and which sockets
    /// listen is the same, byte for byte.
    @Test func aReloadWithAnErrorChangesNothing() async throws {
        try await play {
            let origins = try ["a", "b"].map { try MoodyOrigin($0) }
            let good = """
                workers: 2
                listeners:
                  - bind: LISTEN
                    routes:
                      - { host: one.example, pool: one }
                      - { path: /old/*, redirect: { to: "https://example.com/new", status: 308 } }
                      - { path: /fixed, respond: { status: 418, body: short and stout } }
                      - { path: /two/*, pool: two }
                pools:
                  one: { endpoints: [\(origins[0].address)] }
                  two: { endpoints: [\(origins[1].address)] }
                """
            let apus = try Deployment(good)
            try apus.start()
            try eventually("the endpoints to be probed") {
                try !apus.ask("/v1/pools").text.filter { !$0.isWhitespace }.contains("\"state\":\"unknown\"")
            }
            let before = try Behaviour(of: apus)

            // What is wrong stands in the seventh line; all else would change everything.
            let bad = """
                workers: 2
                listeners:
                  - bind: LISTEN
                    routes: [{ pool: three }]
                pools:
                  three:
                    ballance: random
                    endpoints: [\(origins[1].address)]
                """
            try apus.write(bad)
            let place = "\(apus.file):7:5"
            try apus.expect("the configuration was refused (signal)") { apus.process.signal(SIGHUP) }
            try eventually("the place in the log") { apus.count(place) > 0 }
            #expect(try Behaviour(of: apus) == before)
            #expect(try apus.metrics().values("apus_config_last_reload_success") == [0])

            let command = try apus.apus("reload")
            #expect(command.status == 1)
            #expect(command.text.contains(place) && command.text.contains("did you mean `balance`"), "\(command.text)")
            #expect(try apus.apus("reload", "--dry-run").status == 1)
            #expect(try Behaviour(of: apus) == before)

            try apus.write(good + "\n# mended")
            let mended = try apus.apus("reload")
            #expect(mended.status == 0 && mended.text.contains("Revision 2 runs"), "\(mended.text)")
            #expect(try apus.metrics().values("apus_config_last_reload_success") == [1])
        }
    }

    /// A listener that is added accepts clients, and one that is removed accepts none any more. An address that somebody
    /// else listens on refuses the whole reload.
    @Test func listenersComeAndGo() async throws {
        try await play {
            let origin = try MoodyOrigin("a")
            let apus = try Deployment(Self.listening(on: [], before: origin.address))
            try apus.start()
            let second = try RefusingPort()
            try apus.write(Self.listening(on: [second.address], before: origin.address))
            #expect(try apus.apus("reload").status == 0)
            #expect(try Connection(to: second.address).get().status == 200)
            #expect(try apus.get().status == 200)

            // A client of the removed listener is served to its end.
            let client = try Connection(to: second.address)
            #expect(try client.get().status == 200)
            try apus.write(Self.listening(on: [], before: origin.address))
            #expect(try apus.apus("reload").status == 0)
            #expect(throws: (any Error).self) { try Connection(to: second.address).get() }
            #expect(try apus.get().status == 200)

            let taken = try Origin()
            let sockets = try ListeningSockets.of(apus.process.id)
            try apus.write(Self.listening(on: [second.address, taken.address], before: origin.address))
            let refused = try apus.apus("reload")
            #expect(refused.status == 1 && refused.text.contains("\(taken.address)"), "\(refused.text)")
            #expect(try ListeningSockets.of(apus.process.id) == sockets)
            #expect(throws: (any Error).self) { try Connection(to: second.address).get() }
            #expect(try apus.revision == 3)
            #expect(try Connection(to: taken.address).get().text == "ok")
        }
    }

    private static func listening(on more: [SocketAddress], before origin: SocketAddress) -> String {
        """
        workers: 2
        listeners:
          - bind: LISTEN
        \(more.map { "  - bind: \($0)\n" }.joined())
        pools: { web: { endpoints: [\(origin)] } }
        """
    }

    /// `watch` finds out by itself that a file has changed, an included one, too.
    @Test func changedFilesAreNoticed() async throws {
        try await play {
            let origins = try ["a", "b"].map { try MoodyOrigin($0) }
            let apus = try Deployment(
                """
                workers: 1
                watch: 100ms
                include: pools.yaml
                listeners: [{ bind: LISTEN }]
                """)
            try apus.folder.write("pools: { web: { endpoints: [\(origins[0].address)] } }\n", to: "pools.yaml")
            try apus.start()
            #expect(try apus.get().text == "origin a\n")
            try apus.expect("revision 2 runs (watch)") {
                try apus.folder.write("pools: { web: { endpoints: [\(origins[1].address)] } }\n", to: "pools.yaml")
            }
            #expect(try apus.get().text == "origin b\n")
            // What is wrong is told once, and not at each look.
            try apus.expect("the configuration was refused (watch)") {
                try apus.folder.write("pools: { web: { endpoints: [nowhere] } }\n", to: "pools.yaml")
            }
            rest(.milliseconds(500))
            #expect(apus.count("the configuration was refused (watch)") == 1)
            #expect(try apus.get().text == "origin b\n")
        }
    }
}

/// What can be seen of a deployment from outside, without what only time changes.
private struct Behaviour: Equatable {
    var responses: [Response]
    var configuration: [UInt8]
    var pools: String
    var listeners: [String]

    init(of apus: Deployment) throws {
        let requests = [
            "GET / HTTP/1.1\r\nHost: one.example\r\n\r\n", "GET / HTTP/1.1\r\nHost: other.example\r\n\r\n",
            "GET /old/x?y=1 HTTP/1.1\r\nHost: a\r\n\r\n", "GET /fixed HTTP/1.1\r\nHost: a\r\n\r\n",
            "GET /two/x HTTP/1.1\r\nHost: a\r\n\r\n", "GET /two/x HTTP/1.0\r\n\r\n", "GET /two/ HTTP/3.9\r\n\r\n",
        ]
        responses = try requests.map { request in
            let connection = try Connection(to: apus.address)
            try connection.send(request)
            var response = try connection.readResponse()
            response.fields.lines.removeAll { $0.name == "Date" }
            return response
        }
        configuration = try apus.ask("/v1/config").body
        pools = try apus.ask("/v1/pools").text.replacing(/"since" : "[^"]*"/, with: "")
        listeners = try ListeningSockets.of(apus.process.id)
    }
}
