public import ApusRouting

extension Route {
    /// What a route says of its requests and their responses, besides where they go. One that says nothing is plain.
    public struct Rules: Sendable, Equatable {
        /// What the origin gets as the path; nil for the path that came.
        public var rewrite: PathRewrite?
        /// What the origin gets as Host; nil for the one that came.
        public var hostRewrite: TextTemplate?
        public var requestFields: [FieldEdit] = []
        public var responseFields: [FieldEdit] = []
        public var timeouts = RouteTimeouts()
        /// Instead of the pool's; the budget is the pool's in any case.
        public var retries: RetryRules?
        public var limits = RouteLimits()
        /// Which pages of other origins may read the responses; nil to leave that to the origin servers.
        public var cors: CrossOriginRules?
        /// Whom the certificate that the client has shown must name; nil for anybody, with one or without.
        public var clientCertificate: ClientRequirement?
        /// What looks at requests before they go on, in this order.
        package var filters: [RouteFilter] = []

        public init() {}
    }
}
