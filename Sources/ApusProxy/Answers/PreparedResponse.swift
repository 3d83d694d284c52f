import ApusModel

/// A response that Apus gives by itself, as bytes: all of it but the fields that differ from answer to answer.
struct PreparedResponse: Sendable {
    let status: Int
    /// The status line, Content-Type and Content-Length.
    let head: [UInt8]
    /// Empty for the statuses that have none.
    let body: [UInt8]

    init(status: Int, contentType: String, body: [UInt8]) {
        self.status = status
        // RFC 9110 sections 15.3.5, 15.3.6 and 15.4.5.
        let hasNoBody = status == 204 || status == 205 || status == 304
        self.body = hasNoBody ? [] : body
        var text = "HTTP/1.1 \(status) \(reasonPhrase(status))\r\n"
        if !self.body.isEmpty { text += "Content-Type: \(contentType)\r\n" }
        if status != 204, status != 304 { text += "Content-Length: \(self.body.count)\r\n" }
        head = Array(text.utf8)
    }

    init(_ response: FixedResponse) {
        self.init(status: response.status, contentType: response.contentType, body: response.body)
    }

    init(_ response: FallbackResponse) {
        self.init(status: response.status, contentType: response.contentType, body: response.body)
    }

    /// A redirect, without its Location.
    init(_ redirect: Redirect) { self.init(status: redirect.status, contentType: "", body: []) }
}

/// The phrase that a status line has for people (RFC 9110 section 15); empty where Apus has none to say.
func reasonPhrase(_ status: Int) -> StaticString {
    switch status {
    case 200: "OK"
    case 201: "Created"
    case 202: "Accepted"
    case 204: "No Content"
    case 205: "Reset Content"
    case 301: "Moved Permanently"
    case 302: "Found"
    case 303: "See Other"
    case 304: "Not Modified"
    case 307: "Temporary Redirect"
    case 308: "Permanent Redirect"
    case 400: "Bad Request"
    case 401: "Unauthorized"
    case 403: "Forbidden"
    case 404: "Not Found"
    case 405: "Method Not Allowed"
    case 406: "Not Acceptable"
    case 408: "Request Timeout"
    case 409: "Conflict"
    case 410: "Gone"
    case 413: "Content Too Large"
    case 414: "URI Too Long"
    case 417: "Expectation Failed"
    case 421: "Misdirected Request"
    case 425: "Too Early"
    case 429: "Too Many Requests"
    case 431: "Request Header Fields Too Large"
    case 451: "Unavailable For Legal Reasons"
    case 500: "Internal Server Error"
    case 501: "Not Implemented"
    case 502: "Bad Gateway"
    case 503: "Service Unavailable"
    case 504: "Gateway Timeout"
    case 505: "HTTP Version Not Supported"
    case 508: "Loop Detected"
    // A reason phrase may be anything, and be left out (RFC 9112 section 4).
    default: ""
    }
}
