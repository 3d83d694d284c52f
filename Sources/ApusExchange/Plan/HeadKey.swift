public import ApusBalancing
public import ApusHTTP
public import ApusModel

/// What of a request's head is hashed, prepared for comparing bytes: for a pool that hashes, or a route that splits.
public struct HeadKey: Sendable {
    public enum Kind: UInt8, BitwiseCopyable, Sendable { case none, client, header, cookie, query, path }

    public let kind: Kind
    /// The field (in lower case), cookie or parameter that is hashed.
    public let name: [UInt8]
    public let ipv4Prefix: Int
    public let ipv6Prefix: Int

    public init(_ key: HashRules.Key?) {
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

extension RequestRules {
    /// The hash of what `key` names; nil where the request has no such thing.
    ///
    /// - Parameter bytes: those of the head in hand.
    @inlinable
    public func hash<Place>(
        _ key: HeadKey, of hand: inout HeadInHand<Place>, _ bytes: Span<UInt8>, _ arrival: Arrival
    ) -> UInt64? {
        let name = key.name.span
        let value: Range<Int>? =
            switch key.kind {
            case .none, .client: nil
            case .header: hand.fields.value(of: name, in: bytes)
            case .cookie: hand.fields.cookie(name, in: bytes)
            case .query: hand.head.target.queryParameter(name, in: bytes)
            case .path: hand.head.target.path
            }
        if key.kind == .path, hand.head.target.path.isEmpty {
            let path: InlineArray<1, UInt8> = [hand.head.impliedPath]
            return KeyHash.of(path.span)
        }
        if let value { return KeyHash.of(bytes.extracting(value)) }
        guard key.kind == .client else { return nil }
        return KeyHash.of(client(of: &hand, bytes, arrival), ipv4Prefix: key.ipv4Prefix, ipv6Prefix: key.ipv6Prefix)
    }
}
