/// Why Apus answered a request itself, or broke a connection: one word for responses, access log and metrics alike.
///
/// The word (`token`) is what a user greps for, so it never changes its meaning. A response made by Apus carries it in
/// its body and in the field `Apus-Reason`.
public enum Reason: UInt8, Error, Sendable, CaseIterable, BitwiseCopyable {
    // The client's request head, RFC 9112 sections 2 to 5 and RFC 9110 sections 5 to 7.
    case bareCR
    case bareLF
    case badRequestLine
    case badMethod
    case badTarget
    case badPath
    case ambiguousPath
    case badVersion
    case badFieldName
    case spaceBeforeColon
    case badFieldValue
    case obsoleteLineFolding
    case missingHost
    case repeatedHost
    case badHost
    case targetTooLong
    case headTooLarge
    case tooManyFields
    case tooManyOptions
    case methodNotAllowed
    case expectationFailed
    case requestHeadTimeout
    // It is no request at all, or one of another scheme.
    case plainHTTPOnTLS
    case tlsOnPlainHTTP
    case unexpectedProxyHeader

    // The framing of its body, RFC 9112 sections 6 and 7.
    case badContentLength
    case conflictingContentLength
    case contentLengthWithTransferEncoding
    case badTransferEncoding
    case unsupportedTransferCoding
    case transferEncodingInHTTP10
    case badChunk
    case badTrailer
    case bodyTooLarge
    case requestBodyTimeout
    case requestBodyTooSlow

    // What Apus could not do with a good request.
    case badRewrite
    case noRoute
    /// The host has other rules for clients' certificates than the name that the handshake was made for.
    case misdirectedRequest
    case clientCertificateRequired
    case loopDetected
    case routeSaturated
    case filterTimeout
    case noHealthyEndpoint
    case poolSaturated
    case breakerOpen
    case queueFull
    case queueTimeout
    case overloaded
    case connectionLimit
    case requestLimit
    /// Where a response has begun, that is broken off.
    case drainDeadline
    case memoryLimit
    case descriptorLimit
    case portLimit

    // The origin.
    case connectFailed
    case connectTimeout
    // The TLS handshake with it (RFC 8446, RFC 5280, RFC 9525).
    case tlsCertificateExpired
    case tlsUnknownIssuer
    case tlsWrongName
    case tlsBadCertificate
    case tlsHandshakeFailed
    case tlsHandshakeTimeout
    /// What was sent is not acknowledged: the origin's machine is gone, or the way to it.
    case upstreamUnreachable
    case upstreamClosed
    case upstreamReset
    case badResponse
    case responseHeadTooLarge
    case responseHeadTimeout
    case unexpectedUpgrade

    // A response that had begun and could not be completed: the connection is broken, no status can be sent.
    case upstreamTruncated
    case badResponseBody
    case responseBodyTimeout
    case responseBodyTooSlow
    case clientClosed
    case clientStalled
    case clientTooSlow
}

extension Reason {
    /// The word for this reason in responses, logs and metrics.
    public var token: StaticString {
        switch self {
        case .bareCR: "bare_cr"
        case .bareLF: "bare_lf"
        case .badRequestLine: "bad_request_line"
        case .badMethod: "bad_method"
        case .badTarget: "bad_target"
        case .badPath: "bad_path"
        case .ambiguousPath: "ambiguous_path"
        case .badVersion: "bad_version"
        case .badFieldName: "bad_field_name"
        case .spaceBeforeColon: "space_before_colon"
        case .badFieldValue: "bad_field_value"
        case .obsoleteLineFolding: "obsolete_line_folding"
        case .missingHost: "missing_host"
        case .repeatedHost: "repeated_host"
        case .badHost: "bad_host"
        case .targetTooLong: "target_too_long"
        case .headTooLarge: "head_too_large"
        case .tooManyFields: "too_many_fields"
        case .tooManyOptions: "too_many_options"
        case .methodNotAllowed: "method_not_allowed"
        case .expectationFailed: "expectation_failed"
        case .requestHeadTimeout: "request_head_timeout"
        case .plainHTTPOnTLS: "plain_http_on_tls"
        case .tlsOnPlainHTTP: "tls_on_plain_http"
        case .unexpectedProxyHeader: "unexpected_proxy_header"
        case .badContentLength: "bad_content_length"
        case .conflictingContentLength: "conflicting_content_length"
        case .contentLengthWithTransferEncoding: "content_length_with_transfer_encoding"
        case .badTransferEncoding: "bad_transfer_encoding"
        case .unsupportedTransferCoding: "unsupported_transfer_coding"
        case .transferEncodingInHTTP10: "transfer_encoding_in_http10"
        case .badChunk: "bad_chunk"
        case .badTrailer: "bad_trailer"
        case .bodyTooLarge: "body_too_large"
        case .requestBodyTimeout: "request_body_timeout"
        case .requestBodyTooSlow: "request_body_too_slow"
        case .badRewrite: "bad_rewrite"
        case .noRoute: "no_route"
        case .misdirectedRequest: "misdirected_request"
        case .clientCertificateRequired: "client_certificate_required"
        case .loopDetected: "loop_detected"
        case .routeSaturated: "route_saturated"
        case .filterTimeout: "filter_timeout"
        case .noHealthyEndpoint: "no_healthy_endpoint"
        case .poolSaturated: "pool_saturated"
        case .breakerOpen: "breaker_open"
        case .queueFull: "queue_full"
        case .queueTimeout: "queue_timeout"
        case .overloaded: "overloaded"
        case .connectionLimit: "connection_limit"
        case .requestLimit: "request_limit"
        case .memoryLimit: "memory_limit"
        case .descriptorLimit: "descriptor_limit"
        case .portLimit: "port_limit"
        case .connectFailed: "connect_failed"
        case .connectTimeout: "connect_timeout"
        case .tlsCertificateExpired: "tls_certificate_expired"
        case .tlsUnknownIssuer: "tls_unknown_issuer"
        case .tlsWrongName: "tls_wrong_name"
        case .tlsBadCertificate: "tls_bad_certificate"
        case .tlsHandshakeFailed: "tls_handshake_failed"
        case .tlsHandshakeTimeout: "tls_handshake_timeout"
        case .upstreamUnreachable: "upstream_unreachable"
        case .upstreamClosed: "upstream_closed"
        case .upstreamReset: "upstream_reset"
        case .badResponse: "bad_response"
        case .responseHeadTooLarge: "response_head_too_large"
        case .responseHeadTimeout: "response_head_timeout"
        case .unexpectedUpgrade: "unexpected_upgrade"
        case .upstreamTruncated: "upstream_truncated"
        case .badResponseBody: "bad_response_body"
        case .responseBodyTimeout: "response_body_timeout"
        case .responseBodyTooSlow: "response_body_too_slow"
        case .clientClosed: "client_closed"
        case .clientStalled: "client_stalled"
        case .clientTooSlow: "client_too_slow"
        case .drainDeadline: "drain_deadline"
        }
    }

    /// Whether a response that is refused for it may be one that can be mended.
    public var canBeMended: Bool { self == .spaceBeforeColon || self == .obsoleteLineFolding }

    /// The status of the response that Apus makes for this reason; nil where a connection is broken instead.
    public var status: Int? {
        switch self {
        case .bareCR, .bareLF, .badRequestLine, .badMethod, .badTarget, .badPath, .ambiguousPath, .badFieldName,
            .spaceBeforeColon, .badFieldValue, .obsoleteLineFolding, .missingHost, .repeatedHost, .badHost,
            .badContentLength, .conflictingContentLength, .contentLengthWithTransferEncoding, .badTransferEncoding,
            .transferEncodingInHTTP10, .badChunk, .badTrailer, .badRewrite, .plainHTTPOnTLS, .tlsOnPlainHTTP,
            .unexpectedProxyHeader:
            400
        case .clientCertificateRequired: 403
        case .noRoute: 404
        case .methodNotAllowed: 405
        case .requestHeadTimeout, .requestBodyTimeout, .requestBodyTooSlow: 408
        case .bodyTooLarge: 413
        case .targetTooLong: 414
        case .expectationFailed: 417
        case .misdirectedRequest: 421
        case .headTooLarge, .tooManyFields, .tooManyOptions: 431
        case .unsupportedTransferCoding: 501
        case .badVersion: 505
        case .connectFailed, .tlsCertificateExpired, .tlsUnknownIssuer, .tlsWrongName, .tlsBadCertificate,
            .tlsHandshakeFailed, .upstreamClosed, .upstreamReset, .badResponse, .responseHeadTooLarge,
            .unexpectedUpgrade:
            502
        case .routeSaturated, .filterTimeout, .noHealthyEndpoint, .poolSaturated, .breakerOpen, .queueFull,
            .queueTimeout, .overloaded, .connectionLimit, .requestLimit, .drainDeadline, .memoryLimit, .descriptorLimit,
            .portLimit:
            503
        case .connectTimeout, .tlsHandshakeTimeout, .upstreamUnreachable, .responseHeadTimeout: 504
        case .loopDetected: 508
        case .upstreamTruncated, .badResponseBody, .responseBodyTimeout, .responseBodyTooSlow, .clientClosed,
            .clientStalled, .clientTooSlow:
            nil
        }
    }

    /// Whether an origin has not brought to its end a response whose head was passed on.
    public var isOfResponseBodies: Bool {
        switch self {
        case .upstreamTruncated, .badResponseBody, .responseBodyTimeout, .responseBodyTooSlow: true
        default: false
        }
    }
}
