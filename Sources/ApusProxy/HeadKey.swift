import ApusModel

/// What of a request's head is hashed, prepared for comparing bytes: for a pool that hashes, or a route that splits.
struct HeadKey: Sendable {
    enum Kind: UInt8 { case none, client, header, cookie, query, path }

    let kind: Kind
    /// The field (in lower case), cookie or parameter that is hashed.
    let name: [UInt8]
    let ipv4Prefix: Int
    let ipv6Prefix: Int

    init(_ key: HashRules.Key?) {
        var name = ""
        var prefixes = (32, 64)
        switch key {
        case nil: kind = .none
        case .client(let ipv4, let ipv6):
            kind = .client
            prefixes = (ipv4, ipv6)
        case .header(let field):
            kind = .header
            name = field.lowercased()
        case .cookie(let cookie):
            kind = .cookie
            name = cookie
        case .query(let parameter):
            kind = .query
            name = parameter
        case .path: kind = .path
        }
        self.name = Array(name.utf8)
        (ipv4Prefix, ipv6Prefix) = prefixes
    }
}
