import ApusModel

/// The PROXY protocol: headers of listeners that have it.
extension MetricsText {
    func writeProxyHeaders(to writer: inout ExpositionWriter) {
        writer.family(
            "apus_proxy_protocol_headers_total", .counter,
            "Connections that had to begin with a header of the PROXY protocol, by outcome: accepted, refused, timed_out, or "
                + "left.")
        for listener in listeners where !snapshot.listeners[listener].proxyNetworks.isEmpty {
            let outcomes: [(String, CounterLayout.ListenerCounter)] = [
                ("accepted", .proxyHeaders), ("refused", .proxyHeadersRefused), ("timed_out", .proxyHeaderTimeouts),
                ("left", .proxyHeadersLeft),
            ]
            for (outcome, counter) in outcomes {
                writer.sample(
                    ["listener": listenerNames[listener], "outcome": outcome],
                    counters.total(layout.listener(listener, counter)))
            }
        }
    }
}
