import ApusAddresses
import ApusModel

/// What differs in listeners and their routes.
struct ListenerComparison {
    private let old: Snapshot
    private let new: Snapshot
    private(set) var changes: [ConfigurationChange] = []

    init(_ old: Snapshot, _ new: Snapshot) {
        self.old = old
        self.new = new
        var known: [Identity: Int] = [:]
        for (index, listener) in old.listeners.enumerated() where !listener.isRetired {
            known[Identity(listener), default: index] = index
        }
        for listener in new.listeners where !listener.isRetired {
            if let index = known.removeValue(forKey: Identity(listener)) {
                compare(old.listeners[index], listener)
            } else {
                added(listener)
            }
        }
        for index in known.values.sorted() { removed(old.listeners[index]) }
    }

    private mutating func added(_ listener: Listener) {
        changes.append(
            ConfigurationChange(
                kind: .added, subject: .listener, name: name(of: listener),
                details: [counted(listener.routes.count, "route")],
                effect: "it is bound before anything else changes"))
    }

    private mutating func removed(_ listener: Listener) {
        changes.append(
            ConfigurationChange(
                kind: .removed, subject: .listener, name: name(of: listener), details: [],
                effect: "it accepts nobody new, and its connections end once they have finished what they began"))
    }

    private mutating func changed(_ listener: Listener, _ detail: String, effect: String) {
        changed(listener, [detail], effect: effect)
    }

    private mutating func changed(_ listener: Listener, _ details: [String], effect: String) {
        changes.append(
            ConfigurationChange(
                kind: .changed, subject: .listener, name: name(of: listener), details: details, effect: effect))
    }

    private mutating func compare(_ one: Listener, _ other: Listener) {
        if one.name != other.name {
            changed(one, "name \(one.name) -> \(other.name)", effect: "its connections are kept")
        }
        if one.paths != other.paths {
            changed(
                one, "paths \(one.paths.rawValue) -> \(other.paths.rawValue)",
                effect: "requests from now on are refused, or not, by the new rule")
        }
        if one.hidesReasons != other.hidesReasons {
            let words = [one, other].map { $0.hidesReasons ? "hide" : "show" }
            changed(one, "apus_reason \(words[0]) -> \(words[1])", effect: "its connections are kept")
        }
        if one.servesHalfClosed != other.servesHalfClosed {
            let words = [one, other].map { $0.servesHalfClosed ? "serve" : "abort" }
            changed(
                one, "half_close \(words[0]) -> \(words[1])",
                effect: "its connections are kept, and fare by the new rule")
        }
        if one.proxyNetworks != other.proxyNetworks {
            let words = [one, other].map(Self.proxyProtocol)
            changed(
                one, "proxy_protocol \(words[0]) -> \(words[1])",
                effect: "its connections are kept; new ones fare by the new rule")
        }
        compareTLS(one, other)
        let routes = RouteComparison(
            listener: other.name, old, Array(one.routes), new, Array(other.routes))
        changes += routes.changes
    }

    private static func proxyProtocol(_ listener: Listener) -> String {
        let networks = listener.proxyNetworks.map(\.description)
        return networks.isEmpty ? "off" : "{ from: [\(networks.joined(separator: ", "))] }"
    }

    private mutating func compareTLS(_ one: Listener, _ other: Listener) {
        guard one.tls != other.tls else { return }
        let effect =
            ListenerTLS.asksAlike(one.tls, other.tls)
            ? "its connections are kept; new ones fare by the new rule"
            : "clients are asked anew: its idle connections end at once, others after the request that they have"
        switch (one.tls, other.tls) {
        case (nil, _): changed(one, "tls off -> on", effect: effect)
        case (_, nil): changed(one, "tls on -> off", effect: effect)
        case (let old?, let new?):
            let tellsClients = [old, new].allSatisfy { $0.policies.count <= 1 }
            let sections = [old, new].map { Settings(ListenerTLSSection($0, tellsClients: tellsClients)) }
            let changes = sections[0].changes(to: sections[1], within: "tls").map(\.words)
            // The same certificate from another file looks alike.
            changed(one, changes.isEmpty ? ["tls changed"] : changes, effect: effect)
        }
    }

    /// `listener web at 0.0.0.0:8080`.
    private func name(of listener: Listener) -> String {
        let address = "\(listener.bind)"
        return listener.name == address ? "listener \(address)" : "listener \(listener.name) at \(address)"
    }

    /// What makes a listener the same: its address, or its name where the system chooses the port.
    private struct Identity: Hashable {
        let bind: SocketAddress
        let name: String

        init(_ listener: Listener) {
            bind = listener.bind
            name = listener.bind.port == 0 ? listener.name : ""
        }
    }
}

/// `1 pool`, `2 pools`.
func counted(_ number: Int, _ noun: String) -> String { number == 1 ? "1 \(noun)" : "\(number) \(noun)s" }
