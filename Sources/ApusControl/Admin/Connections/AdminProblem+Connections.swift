import ApusHTTP
import HTTPTypes

extension HTTPField.Name {
    static let apusReason = Self("Apus-Reason")!
}

/// What goes wrong before a request reaches its operation.
extension AdminProblem {
    /// A request that the data plane would refuse as well.
    init(_ reason: Reason) {
        let status = HTTPResponse.Status(integerLiteral: reason.status ?? 400)
        self.init(
            status: status, kind: "refused-request", title: "The request is refused",
            detail: "\(Self.words(reason)) The reason is `\(reason.token)`.",
            headers: [.apusReason: "\(reason.token)"])
        if reason == .methodNotAllowed { headers[.allow] = "GET, HEAD, POST, PUT, PATCH, DELETE" }
    }

    private static func words(_ reason: Reason) -> String {
        switch reason {
        case .missingHost: "It has no Host; HTTP/1.1 needs one, such as `Host: localhost`."
        case .repeatedHost: "It has more than one Host."
        case .badHost: "Its Host is not a host, or its target names another one than Host does."
        case .badVersion: "It is neither HTTP/1.1 nor HTTP/1.0; the admin server speaks no other HTTP."
        case .methodNotAllowed: "The admin server is not a tunnel."
        case .plainHTTPOnTLS: "It is plain HTTP, and the listener speaks TLS; ask by `https://`."
        case .bareLF, .bareCR: "A line of its head does not end with CR LF."
        case .obsoleteLineFolding: "A field of its head goes on in the next line."
        case .badFieldName, .spaceBeforeColon: "A field of its head has a name that is not one."
        case .contentLengthWithTransferEncoding: "It has both Content-Length and Transfer-Encoding."
        case .badContentLength, .conflictingContentLength: "Its Content-Length is not one number."
        case .badTransferEncoding, .unsupportedTransferCoding, .transferEncodingInHTTP10:
            "Its Transfer-Encoding is not `chunked` alone."
        case .badChunk, .badTrailer: "Its chunked body is malformed."
        case .expectationFailed: "It expects something other than `100-continue`."
        case .headTooLarge, .tooManyFields, .targetTooLong: "Its head is too large."
        case .requestHeadTimeout: "Its head did not arrive whole within 10 s."
        case .requestBodyTimeout: "Its body stopped arriving for 30 s."
        default: "It is not a valid HTTP/1.1 request."
        }
    }

    /// Other requests hold the memory that this one needs.
    static var noMemory: AdminProblem {
        AdminProblem(
            status: .serviceUnavailable, kind: "busy", title: "Other requests take the memory there is",
            detail: "The bodies and answers of all requests to the admin server share a bound; try again in a moment.",
            headers: [.retryAfter: "1"])
    }

    /// What the listener asks of its callers has changed since the connection was made.
    static var staleConnection: AdminProblem {
        AdminProblem(
            status: .misdirectedRequest, kind: "stale-connection", title: "The connection is from before a reload",
            detail:
                "What the listener's `tls` asks of callers has changed since this connection was made. Connect again.")
    }

    /// Nobody reads it: the client has gone.
    static var cutBody: AdminProblem { badRequest("The body ended before it was complete.") }
}
