public import ApusRouting

/// Which pages of other origins may read a route's responses (CORS, https://fetch.spec.whatwg.org/#http-cors-protocol).
///
/// A browser keeps a page from reading what another origin sent, unless that origin allows it. Apus says so for the
/// route's origin servers: in every response of the route, its own answers among them, and in the answers to preflights,
/// which it gives itself. What origin servers say of it is replaced.
public struct CrossOriginRules: Sendable, Equatable {
    /// Which headers of requests a page may set beyond those that every page may.
    public enum Headers: Sendable, Equatable {
        /// Those that the preflight asks for.
        case asked
        case these([String])
    }

    /// The origins of those pages; a page of another origin gets a response that its browser does not let it read.
    public var origins: [OriginPattern]
    /// Methods that a preflight allows; GET, HEAD and POST need none.
    public var methods: [String]
    public var headers: Headers
    /// Headers of responses that pages may read beyond those that they always may.
    public var exposed: [String]
    /// Whether browsers may send cookies and other credentials along, and let the page read the response. Never with
    /// `OriginPattern.any`.
    public var allowsCredentials: Bool
    /// How long browsers may remember a preflight's answer, in whole seconds; nil for their own default, five seconds.
    public var maxAge: Duration?

    public static let usualMethods = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"]

    public init(
        origins: [OriginPattern], methods: [String] = usualMethods, headers: Headers = .asked, exposed: [String] = [],
        allowsCredentials: Bool = false, maxAge: Duration? = nil
    ) {
        self.origins = origins
        self.methods = methods
        self.headers = headers
        self.exposed = exposed
        self.allowsCredentials = allowsCredentials
        self.maxAge = maxAge
    }

    /// Whether every origin is allowed, and told so by `*`.
    public var allowsEveryOrigin: Bool { origins.contains(.any) }

    /// The fields of responses that these rules write, in lower case: an origin server's own are left out.
    public static let fieldNames = [
        "access-control-allow-origin", "access-control-allow-credentials", "access-control-allow-methods",
        "access-control-allow-headers", "access-control-expose-headers", "access-control-max-age",
    ]
}
