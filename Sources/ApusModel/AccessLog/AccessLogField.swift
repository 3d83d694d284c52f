/// What a line of the access log can say of a request, in the order of the JSON format.
///
/// The raw value is the name in the JSON format and in templates. What each says is told in docs/access-log.md.
public enum AccessLogField: String, Sendable, CaseIterable {
    case time
    case client
    /// The name in the certificate that the client has shown.
    case clientCertificate = "client_certificate"
    /// The name that the client asked for (SNI), and the version of TLS and the cipher suite that were agreed on.
    case serverName = "server_name"
    case tlsVersion = "tls_version"
    case tlsCipher = "tls_cipher"
    case listener
    case method
    case host
    case target
    case version
    case referer
    case userAgent = "user_agent"
    case requestID = "request_id"
    case route
    case pool
    case endpoint
    case attempts
    case status
    case bytesReceived = "bytes_received"
    case bytesSent = "bytes_sent"
    case bodyBytesSent = "body_bytes_sent"
    case responseHeadMicroseconds = "response_head_us"
    case durationMicroseconds = "duration_us"
    case reason
    case closedBy = "closed_by"
    case closeReason = "close_reason"
    /// Of how many requests like it the line is the one that was logged.
    case sample

    /// Whether it says something only where a listener speaks TLS.
    public var isOfTLS: Bool { self == .serverName || self == .tlsVersion || self == .tlsCipher }
}
