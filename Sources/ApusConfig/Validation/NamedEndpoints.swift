import ApusAddresses
import ApusModel

/// The endpoints of a pool as they were written, where host names are among them: what the pool has once the names'
/// addresses are known, and each time they change.
///
/// The addresses of a name, of one family, are endpoints that share its weight. A name without an address is an endpoint that
/// gets nothing (`Endpoint.isUnresolved`). An address that several entries stand for is the first one's.
public struct NamedEndpoints: Sendable {
    struct Entry: Sendable {
        var authority: Authority
        var weight: Int
        var tier: Int
        var isBackup = false
        var zone: String?
        var place: Origins.Place
    }

    /// The pool: its name, and its index in the snapshot.
    let poolName: String
    let pool: Int
    let family: AddressFamily
    let signer: SessionSigner?
    let entries: [Entry]

    struct Members {
        var endpoints: [Endpoint] = []
        var places: [Origins.Place] = []
        /// By entry, the one that has all its addresses already, and one of these addresses.
        var repeats: [(entry: Int, other: Int, address: SocketAddress)] = []
        /// Addresses of names that must not be used.
        var refused: [(entry: Int, address: SocketAddress)] = []
    }

    /// The host names that were written, in lower case.
    var names: Set<String> {
        Set(entries.compactMap { if case .name(let name) = $0.authority.host { name } else { nil } })
    }

    /// The pool's endpoints.
    ///
    /// - Parameters:
    ///   - lookUp: the addresses of a name, of all families; none for one that has none.
    ///   - isRefused: whether a name must not lead there.
    func members(
        _ lookUp: (String) -> [IPAddress], refusing isRefused: (SocketAddress) -> Bool = { _ in false }
    ) -> Members {
        var members = Members()
        var owners: [SocketAddress: Int] = [:]
        let addresses = entries.enumerated().map { index, entry in
            var own: [SocketAddress] = []
            for address in self.addresses(of: entry, lookUp) {
                if entry.authority.isName, isRefused(address) {
                    members.refused.append((index, address))
                    continue
                }
                switch owners[address] {
                case nil:
                    owners[address] = index
                    own.append(address)
                case index: break
                case let other?: members.repeats.append((index, other, address))
                }
            }
            return own
        }
        let weights = Self.shares(zip(entries, addresses).map { ($0.weight, $1.count) })
        for (index, entry) in entries.enumerated() {
            if addresses[index].isEmpty {
                guard !members.repeats.contains(where: { $0.entry == index }) else { continue }
                let isRefused = members.refused.contains { $0.entry == index }
                members.endpoints.append(unresolved(entry, index, isRefused: isRefused))
                members.places.append(entry.place)
            }
            for address in addresses[index] {
                let isAlone = addresses[index].count == 1
                var endpoint = Endpoint(
                    name: isAlone ? entry.authority.text : entry.authority.name(for: address), address: address,
                    weight: weights[index], pool: pool, tier: entry.tier,
                    isBackup: entry.isBackup, zone: entry.zone, host: entry.authority.hostName)
                endpoint.sessionToken = isAlone ? token(of: entry) : token(of: address)
                members.endpoints.append(endpoint)
                members.places.append(entry.place)
            }
        }
        return members
    }

    /// Those of the members that are refused, as they are told.
    func refused(_ members: Members, _ places: OwnPlaces) -> [OwnEndpoint] {
        members.refused.compactMap { index, address in
            places.refusal(at: address).map {
                OwnEndpoint(
                    pool: poolName, name: entries[index].authority.text, address: address, place: $0.place,
                    isRefused: true, isUnsure: !$0.isSure)
            }
        }
    }

    private func addresses(of entry: Entry, _ lookUp: (String) -> [IPAddress]) -> [SocketAddress] {
        switch entry.authority.host {
        case .all: return [SocketAddress(ip: .anyIPv6, port: entry.authority.port)]
        case .address(let ip): return [SocketAddress(ip: ip, port: entry.authority.port)]
        case .name(let name):
            // Name servers change the order from answer to answer.
            let ips = family.chosen(of: lookUp(name)).sorted { ($0.high, $0.low) < ($1.high, $1.low) }
            return ips.map { SocketAddress(ip: $0, port: entry.authority.port) }
        }
    }

    /// An endpoint that nobody is sent to. Its address is of the network that discards all (RFC 6666), and unlike the others'.
    private func unresolved(_ entry: Entry, _ index: Int, isRefused: Bool) -> Endpoint {
        let nowhere = SocketAddress(
            ip: IPAddress(high: 0x0100_0000_0000_0000, low: UInt64(index) + 1), port: entry.authority.port)
        var endpoint = Endpoint(
            name: entry.authority.text, address: nowhere, weight: 0, pool: pool, tier: entry.tier,
            isBackup: entry.isBackup, zone: entry.zone, host: entry.authority.hostName)
        endpoint.sessionToken = token(of: nowhere)
        endpoint.isUnresolved = true
        endpoint.isRefused = isRefused
        return endpoint
    }

    private func token(of entry: Entry) -> [UInt8] { signer?.token(pool: poolName, endpoint: entry.authority) ?? [] }
    private func token(of address: SocketAddress) -> [UInt8] { signer?.token(pool: poolName, address: address) ?? [] }

    /// What each address of an entry weighs, so that the entries have the shares of their weights: those are multiplied by
    /// what makes all of them whole numbers.
    ///
    /// - Parameter entries: of each entry its weight, and how many addresses it has.
    static func shares(_ entries: [(weight: Int, count: Int)]) -> [Int] {
        let counts = Set(entries.map(\.count).filter { $0 > 0 })
        guard counts.count > 1 else { return entries.map(\.weight) }
        let most = Double(Bounds.weights.upperBound)
        let whole = counts.reduce(1) { $0 > Bounds.weights.upperBound ? $0 : $0 / gcd($0, $1) * $1 }
        let shares = entries.map { $0.count == 0 ? 0 : Double($0.weight) / Double($0.count) }
        let scaled = shares.map { ($0 * Double(whole)).rounded() }
        guard (scaled.max() ?? 0) > most else { return scaled.map { Int($0) } }
        // One that is to get something gets something.
        let unit = most / (shares.max() ?? 1)
        return shares.map { $0 == 0 ? 0 : max(1, Int(($0 * unit).rounded())) }
    }

    private static func gcd(_ one: Int, _ other: Int) -> Int { other == 0 ? one : gcd(other, one % other) }
}

extension AddressFamily {
    /// Those of the addresses that are used.
    func chosen(of addresses: [IPAddress]) -> [IPAddress] {
        let isIPv4 = self == .ipv4 || self == .auto && addresses.contains(where: \.isIPv4)
        return addresses.filter { $0.isIPv4 == isIPv4 }
    }
}

extension Authority {
    /// What one of several addresses of a name is called: `web.example@10.0.0.1:80`.
    fileprivate func name(for address: SocketAddress) -> String {
        guard let colon = text.lastIndex(of: ":") else { return "\(text)@\(address)" }
        return "\(text[..<colon])@\(address)"
    }
}
