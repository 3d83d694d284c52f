import ApusModel
import Testing

@testable import ApusConfig

/// What `check`, `explain` and `diff` say of the PROXY protocol.
@Suite struct ProxyProtocolTests {
    private func load(_ listener: String, _ pool: String) throws -> Snapshot {
        try ConfigurationLoader.scripted.load(
            text: """
                listeners: [{ bind: 127.0.0.1:8080\(listener) }]
                pools: { web: { endpoints: [127.0.0.1:3001]\(pool) } }

                """, file: "a.yaml"
        ).snapshot
    }

    private let from = ", proxy_protocol: { from: [10.0.0.0/8, 192.0.2.1] }"

    @Test func checkDescribesIt() throws {
        let lines = ConfigurationDescription(try load(from, ", proxy_protocol: v2")).lines
        #expect(lines[0].hasSuffix(", PROXY protocol from 10.0.0.0/8, 192.0.2.1/32"))
        #expect(lines[1].contains(", PROXY protocol v2, "))
        let others = ConfigurationDescription(try load("", "")).lines
        #expect(!others.joined().contains("PROXY"))
    }

    @Test func explainSaysWhoMustBeginWithAHeader() throws {
        let request = DescribedRequest(method: "GET", url: "/")
        let text = try RequestExplainer(try load(from, ", proxy_protocol: v1")).explain(request).text
        #expect(
            text.contains(
                "proxy     connections from 10.0.0.0/8, 192.0.2.1/32 must begin with a PROXY header, which names the client"
            ))
        #expect(text.contains("proxy_protocol: v1"))
        let others = try RequestExplainer(try load("", "")).explain(request).text
        #expect(!others.contains("proxy"))
    }

    @Test func diffTellsWhatChanges() throws {
        let (old, new) = (try load("", ""), try load(from, ", proxy_protocol: v2"))
        #expect(
            ConfigurationChanges(from: old, to: new).lines == [
                "listener 127.0.0.1:8080: proxy_protocol off -> { from: [10.0.0.0/8, 192.0.2.1/32] }; its connections are "
                    + "kept; new ones fare by the new rule",
                "pool web: proxy_protocol off -> v2",
            ])
    }
}
