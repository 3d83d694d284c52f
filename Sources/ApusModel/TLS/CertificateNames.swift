/// Which of several certificates are shown for a server name.
public struct CertificateNames: Sendable {
    /// Why they are.
    public enum Match: Sendable, Equatable {
        case name(String)
        case wildcard(String)
        /// The client asked for no name, or for one that none has: the first is shown.
        case first
        /// The same, and nothing is shown.
        case nothing
    }

    private var byName: [String: [Int]] = [:]
    private var fallback: [Int] = []
    /// By certificate: the number of what clients are asked for, among `ListenerTLS.policies`.
    private var policies: [Int] = []
    /// How hosts end, with the dot, of which a wildcard asks clients for something, and for something else than the first certificate
    /// does; the longest first.
    private var guarded: [(ending: String, policy: Int)] = []
    /// Whether the first certificate's clients are asked.
    private var usualAsks = false

    public init(_ tls: ListenerTLS) {
        for (index, shown) in tls.certificates.enumerated() {
            for name in shown.names { byName[name.lowercased(), default: []].append(index) }
        }
        let known = tls.policies
        policies = tls.certificates.map { shown in known.firstIndex(of: shown.clients) ?? 0 }
        guard !tls.isStrict, let first = tls.certificates.first else { return }
        // With those for the same name, whose keys other clients know.
        fallback = first.names.first.flatMap { byName[$0.lowercased()] } ?? [0]
        let usual = policies[fallback[0]]
        let asks = known.map { $0 != nil && $0?.mode != .off }
        for (name, found) in byName where name.hasPrefix("*.") {
            let policy = policies[found[0]]
            if policy != usual, asks[policy] { guarded.append((String(name.dropFirst()), policy)) }
        }
        guarded.sort { $0.ending.utf8.count > $1.ending.utf8.count }
        usualAsks = asks[usual]
    }

    /// The certificates for a name, by their indices: the first that the client can make use of is shown. None where the
    /// client is to be shown nothing.
    ///
    /// - Parameter name: what the client asks for; nil for nothing.
    public func find(_ name: String?) -> (certificates: [Int], match: Match) {
        var name = name
        // The end of a whole name (RFC 1034 section 3.1), which routes leave out as well.
        if let whole = name, whole.count > 1, whole.hasSuffix(".") { name = String(whole.dropLast()) }
        // A wildcard is none that can be asked for, and stands for a label that is not empty.
        if let name = name?.lowercased(), !name.contains("*"), !name.hasPrefix(".") {
            if let exact = byName[name] { return (exact, .name(name)) }
            if let dot = name.firstIndex(of: ".") {
                let wildcard = "*" + name[dot...]
                if let found = byName[wildcard] { return (found, .wildcard(wildcard)) }
            }
        }
        return (fallback, fallback.isEmpty ? .nothing : .first)
    }

    /// What clients that ask for a name must show, by its number among `ListenerTLS.policies`; -1 where such a client is
    /// shown nothing.
    public func policy(for name: String?) -> Int { find(name).certificates.first.map { policies[$0] } ?? -1 }

    /// What a request for a host is held to, in the same numbers.
    ///
    /// A wildcard of routes stands for more labels than one of certificates, and for odd ones: a host that ends as a wildcard
    /// certificate's names do is held to that one's rules, where no certificate has it and the first would have been shown. Where the
    /// first one's clients are asked for something as well, it is nobody's: -2.
    public func policy(ofHost host: String?) -> Int {
        let (certificates, match) = find(host)
        if match == .first, !guarded.isEmpty, let host {
            var name = host.lowercased()
            if name.utf8.last == UInt8(ascii: ".") { name.removeLast() }
            let found = guarded.first { name.utf8.suffix($0.ending.utf8.count).elementsEqual($0.ending.utf8) }
            if let found { return usualAsks ? -2 : found.policy }
        }
        return certificates.first.map { policies[$0] } ?? -1
    }
}
