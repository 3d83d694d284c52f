public import ApusRouting

/// What is done with the requests of a route.
public enum RouteAction: Sendable, Equatable {
    case forward(Split)
    case redirect(Redirect)
    case respond(FixedResponse)
}

/// Pools among which a route's requests are shared out by weight: one, or several for a canary.
public struct Split: Sendable, Equatable {
    /// At least one; at most 16.
    public var pools: [WeightedPool]
    /// What of a request decides, so that the same client stays with the same pool; nil: chance does.
    public var key: HashRules.Key?

    public init(_ pools: [WeightedPool], key: HashRules.Key? = nil) {
        self.pools = pools
        self.key = key
    }
}

public struct WeightedPool: Sendable, Equatable {
    /// An index into `Snapshot.pools`.
    public var pool: Int
    /// Its share relative to the others', 0 to 65,535; 0 gets nothing.
    public var weight: Int

    public init(pool: Int, weight: Int = 1) {
        self.pool = pool
        self.weight = weight
    }
}

/// A redirect (RFC 9110 section 15.4).
public struct Redirect: Sendable, Equatable {
    /// 301, 302, 303, 307 or 308.
    public var status: Int
    /// The value of Location.
    public var location: TextTemplate

    public init(status: Int = 308, location: TextTemplate) {
        self.status = status
        self.location = location
    }
}

extension Redirect {
    /// Whether what is filled in cannot choose the host: the location begins with a scheme, or is a reference without one
    /// that names a host (RFC 3986 section 4.2), such as `//cdn.example.com{path}`.
    ///
    /// A location that does not must not become one that `namesHost`: a dot segment before it, `/.`, says that it is a path.
    public var namesItsHost: Bool {
        guard case .literal(let bytes) = location.pieces.first else { return false }
        let text = String(decoding: bytes, as: UTF8.self)
        if text == "//", location.pieces.count > 1 { return location.pieces[1] == .variable(.host) }
        return text.contains("://") || (text.hasPrefix("//") && text.count > 2)
    }

    /// Whether a reference begins like one with a host and without a scheme. Browsers take a backslash for a slash.
    public static func namesHost(_ reference: Span<UInt8>) -> Bool {
        let (slash, backslash) = (UInt8(ascii: "/"), UInt8(ascii: "\\"))
        return reference.count > 1 && reference[0] == slash && (reference[1] == slash || reference[1] == backslash)
    }
}

/// A response that a route gives by itself.
public struct FixedResponse: Sendable, Equatable {
    /// 200 to 599.
    public var status: Int
    public var contentType: String
    public var body: [UInt8]

    public init(status: Int = 200, contentType: String = "text/plain; charset=utf-8", body: [UInt8] = []) {
        self.status = status
        self.contentType = contentType
        self.body = body
    }
}

extension FixedResponse {
    /// The body that is sent: none with the statuses that have none (RFC 9110 sections 15.3.5, 15.3.6 and 15.4.5).
    public var sentBody: [UInt8] { [204, 205, 304].contains(status) ? [] : body }
}
