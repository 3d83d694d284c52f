/// What would become of a request, and why: the answer of `apus explain`.
public struct RequestExplanation: Sendable, Equatable, Encodable {
    public struct Listener: Sendable, Equatable, Encodable {
        public var name: String
        public var address: String
        /// `file:line:column`; nil when it is not known.
        public var origin: String?
        /// Why this one; nil when it is the only one.
        public var reason: String?
    }

    /// A route that was looked at.
    public struct Trial: Sendable, Equatable, Encodable {
        public var route: String
        public var origin: String?
        public var matches: Bool
        /// Why it is not for this request; nil if it is.
        public var mismatch: String?
    }

    /// One way in which a server may read the path.
    public struct Reading: Sendable, Equatable, Encodable {
        /// Nil for one that leads above the root.
        public var path: String?
        /// The route that it goes to; nil for none.
        public var route: String?
    }

    /// What the origin gets.
    public struct Forwarded: Sendable, Equatable, Encodable {
        public var method: String
        public var path: String
        public var host: String
        /// The fields that the route sets, adds and removes, in order.
        public var edits: [Edit]
        /// Those by which Apus tells of the client's certificate. What stands in them is assumed.
        public var certificateFields: [Edit] = []
    }

    /// A change to a field; a value that lets somebody in is not told.
    public struct Edit: Sendable, Equatable, Encodable {
        public var action: String
        public var name: String
        public var value: String?
    }

    public struct Pool: Sendable, Equatable, Encodable {
        public var name: String
        public var origin: String?
        /// Percent of the route's requests.
        public var share: Double
        public var balance: String
        public var endpoints: [Endpoint]
        /// What else decides, such as sessions and protections, where it is not the default.
        public var rules: [String]
    }

    public struct Endpoint: Sendable, Equatable, Encodable {
        public var name: String
        public var origin: String?
        public var weight: Int
        public var tier: Int
        public var backup: Bool
        /// As a running Apus told it, or what its name says; nil when none was asked.
        public var state: String?
        /// Whether it may be picked; nil when no running Apus was asked and its weight does not say.
        public var mayBePicked: Bool?
    }

    /// A rule in force, and where it was said.
    public struct Rule: Sendable, Equatable, Encodable {
        public var key: String
        public var value: String
        public var from: String
    }

    public enum Outcome: Sendable, Equatable {
        /// Refused before routes were looked at.
        case refused(status: Int, reason: String)
        /// The client is shown no certificate, or does not show one that it must.
        case noHandshake
        case noRoute
        case redirect(status: Int, location: String)
        case respond(status: Int, body: String)
        case forward(split: String?)
    }

    public var method: String
    public var host = ""
    /// As routes see it.
    public var path = ""
    public var query = ""
    /// As routes see it.
    public var client: String
    /// The certificate that is shown, and why; nil where there is no TLS.
    public var certificate: String?
    /// The files of the certificates of which one is shown, as its keys fit the client; empty where none is.
    public var certificateFiles: [String] = []
    /// What the client must show itself, and whether it does; nil where it is not asked, and was not said to show one.
    public var clientCertificate: String?
    /// Why the handshake fails; nil where it does not.
    public var handshakeFailure: String?
    /// Networks whose connections begin with a header of the PROXY protocol; nil for none.
    public var proxyProtocol: String?
    public var listener: Listener
    /// The readings of the path, the first of them as routes see it; empty if there is only one.
    public var readings: [Reading] = []
    /// Headers that neither routes nor origins see: a client that is not trusted claims something with them, or Apus
    /// answers them itself. Their names as they came.
    public var removedHeaders: [String] = []
    public var trials: [Trial] = []
    /// The name of the route that was taken.
    public var route: String?
    /// What the route says to the page that the request is of; nil where the route leaves that to its origins.
    public var cors: String?
    public var outcome: Outcome
    public var forwarded: Forwarded?
    public var responseEdits: [Edit] = []
    public var pools: [Pool] = []
    public var rules: [Rule] = []

    /// The status of the response, where it does not depend on an origin.
    public var status: Int? {
        switch outcome {
        case .refused(let status, _), .redirect(let status, _), .respond(let status, _): status
        case .noRoute: 404
        case .noHandshake, .forward: nil
        }
    }

    public var location: String? { if case .redirect(_, let location) = outcome { location } else { nil } }
}

extension RequestExplanation.Outcome: Encodable {
    private enum Key: String, CodingKey { case kind, status, reason, location, body, splitBy }

    public func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: Key.self)
        switch self {
        case .refused(let status, let reason):
            try container.encode("refused", forKey: .kind)
            try container.encode(status, forKey: .status)
            try container.encode(reason, forKey: .reason)
        case .noHandshake: try container.encode("no_handshake", forKey: .kind)
        case .noRoute:
            try container.encode("refused", forKey: .kind)
            try container.encode(404, forKey: .status)
            try container.encode("no_route", forKey: .reason)
        case .redirect(let status, let location):
            try container.encode("redirect", forKey: .kind)
            try container.encode(status, forKey: .status)
            try container.encode(concealingQuery(location), forKey: .location)
        case .respond(let status, let body):
            try container.encode("respond", forKey: .kind)
            try container.encode(status, forKey: .status)
            try container.encode(body, forKey: .body)
        case .forward(let split):
            try container.encode("forward", forKey: .kind)
            try container.encodeIfPresent(split, forKey: .splitBy)
        }
    }
}
