import ApusAddresses
import ApusModel
import Testing

@testable import ApusControl

/// Headers of the PROXY protocol are counted for the listeners that have it, and for no others.
@Suite struct ProxyHeaderMetricsTests {
    @Test func outcomesAreCountedByListener() throws {
        var listeners = ["127.0.0.1:80", "127.0.0.1:81"].map {
            Listener(name: $0, bind: SocketAddress($0)!, routes: 0..<0)
        }
        listeners[1].proxyNetworks = [Network("10.0.0.0/8")!]
        let snapshot = Snapshot(workers: 1, listeners: listeners, routes: [], pools: [], endpoints: [])
        let link = FakeDataPlane(snapshot)
        let layout = snapshot.counterLayout
        let counted: [(CounterLayout.ListenerCounter, String)] = [
            (.proxyHeaders, "accepted"), (.proxyHeadersRefused, "refused"), (.proxyHeaderTimeouts, "timed_out"),
            (.proxyHeadersLeft, "left"),
        ]
        for (index, (counter, _)) in counted.enumerated() {
            link.add(UInt64(index + 1), to: layout.listener(1, counter))
            link.add(9, to: layout.listener(0, counter))
        }
        var text = ""
        MetricsText(snapshot: snapshot, counters: link).render(
            health: .of(snapshot, []),
            reloads: ReloadFacts(
                revision: 1, lastSucceeded: true, lastMicroseconds: 1, applied: 1, refused: 0),
            names: NameFacts(), admin: AdminConnectionFacts()
        ) { text += $0 }
        let samples = try Exposition(text).samples.filter { $0.name == "apus_proxy_protocol_headers_total" }
        #expect(samples.count == 4)
        for (index, (_, outcome)) in counted.enumerated() {
            let sample = samples.first { $0.labels == ["listener": "127.0.0.1:81", "outcome": outcome] }
            #expect(sample?.value == Double(index + 1))
        }
    }
}
