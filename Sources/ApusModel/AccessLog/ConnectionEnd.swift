public import ApusHTTP

/// How a client's connection fared at the end of an exchange: kept, or closed, by whom and why.
///
/// The access log tells it as `closed_by` and `close_reason`; docs/access-log.md says what to do about each.
public enum ConnectionEnd: UInt8, Sendable, BitwiseCopyable, CaseIterable {
    /// It waits for the next request.
    case kept

    // The client's doing.
    case clientAsked
    case clientEnded
    case clientClosed

    // The origin's.
    case upstreamTruncated

    // A rule or a limit of Apus.
    case requestRefused
    case requestHeadTimeout
    case requestBodyTimeout
    case requestBodyTooSlow
    case earlyResponse
    case responseWithoutLength
    case badResponseBody
    case responseBodyTimeout
    case responseBodyTooSlow
    case clientStalled
    case clientTooSlow
    case memoryLimit
    case connectionAge
    case connectionRequests
    case clientRulesChanged
    case listenerRemoved
    case draining
    case drainDeadline

    /// The end of a connection whose exchange was broken off for `reason`.
    public init(brokenFor reason: Reason) {
        self =
            switch reason {
            case .clientClosed: .clientClosed
            case .clientStalled: .clientStalled
            case .clientTooSlow: .clientTooSlow
            case .upstreamTruncated: .upstreamTruncated
            case .badResponseBody: .badResponseBody
            case .responseBodyTimeout: .responseBodyTimeout
            case .responseBodyTooSlow: .responseBodyTooSlow
            case .memoryLimit: .memoryLimit
            case .drainDeadline: .drainDeadline
            case .requestBodyTimeout: .requestBodyTimeout
            case .requestBodyTooSlow: .requestBodyTooSlow
            case .requestHeadTimeout: .requestHeadTimeout
            default: .requestRefused
            }
    }

    /// The word for `closed_by`; nil where the connection was kept.
    public var closer: StaticString? {
        switch self {
        case .kept: nil
        case .clientAsked, .clientEnded, .clientClosed: "client"
        case .upstreamTruncated: "origin"
        case .requestRefused, .requestHeadTimeout, .requestBodyTimeout, .requestBodyTooSlow, .earlyResponse,
            .responseWithoutLength, .badResponseBody, .responseBodyTimeout, .responseBodyTooSlow, .clientStalled,
            .clientTooSlow, .memoryLimit, .connectionAge, .connectionRequests, .clientRulesChanged, .listenerRemoved,
            .draining,
            .drainDeadline:
            "apus"
        }
    }

    /// The word for `close_reason`; nil where the connection was kept. It never changes its meaning.
    public var token: StaticString? {
        switch self {
        case .kept: nil
        case .clientAsked: "client_asked"
        case .clientEnded: "client_ended"
        case .clientClosed: "client_closed"
        case .upstreamTruncated: "upstream_truncated"
        case .requestRefused: "request_refused"
        case .requestHeadTimeout: "request_head_timeout"
        case .requestBodyTimeout: "request_body_timeout"
        case .requestBodyTooSlow: "request_body_too_slow"
        case .earlyResponse: "early_response"
        case .responseWithoutLength: "response_without_length"
        case .badResponseBody: "bad_response_body"
        case .responseBodyTimeout: "response_body_timeout"
        case .responseBodyTooSlow: "response_body_too_slow"
        case .clientStalled: "client_stalled"
        case .clientTooSlow: "client_too_slow"
        case .memoryLimit: "memory_limit"
        case .connectionAge: "connection_age"
        case .connectionRequests: "connection_requests"
        case .clientRulesChanged: "client_rules_changed"
        case .listenerRemoved: "listener_removed"
        case .draining: "draining"
        case .drainDeadline: "drain_deadline"
        }
    }
}
