import ApusHTTP
import ApusTransport

/// Answers that Apus makes itself, each with its reason.
extension Worker {
    /// Answers for the origin, or refuses; where a response has begun already, breaks it off.
    mutating func answer(_ x: Int, _ reason: Reason, _ arena: inout BufferArena) {
        guard exchanges[x].responsePhase == .awaited, let status = reason.status else {
            return abort(x, reason, &arena)
        }
        let closes = prepareAnswer(x, reason, status: status, &arena)
        let isHTTP10 = exchanges[x].version == .http10
        writeAnswer(
            reason, retryAfter: retryAfter(x, reason), method: exchanges[x].method, closes: closes,
            saysKeepAlive: isHTTP10, &arena)
        sendAnswer(x, &arena)
    }

    /// - Returns: whether the client's connection ends with the answer.
    mutating func prepareAnswer(
        _ x: Int, _ reason: Reason, status: Int, _ arena: inout BufferArena
    ) -> Bool {
        dropUpstream(x, &arena)
        let closes =
            !exchanges[x].clientKeepsAlive || isLeaving(exchanges[x].listener) || !exchanges[x].request.isComplete
            || exchanges[x].requestWasAbandoned
        exchanges[x].responsePhase = .complete
        exchanges[x].status = status
        exchanges[x].reason = reason
        exchanges[x].answeredItself = true
        exchanges[x].closesClient = closes
        arena.beginSend()
        return closes
    }

    mutating func sendAnswer(_ x: Int, _ arena: inout BufferArena) {
        let client = exchanges[x].client
        exchanges[x].bytesSent += UInt64(arena.sendCount)
        noteAnswer(x, arena)
        guard flush(client, &arena) == .all else { return abort(x, .clientClosed, &arena) }
        guard connections[client].output.isEmpty else { return setDeadline(client, in: settings.body) }
        endExchange(x, &arena)
    }

    /// Appends the response for `reason` to the send.
    func writeAnswer(
        _ reason: Reason, retryAfter: Int = 0, method: Method, closes: Bool, saysKeepAlive: Bool = false,
        _ arena: inout BufferArena
    ) {
        let status = reason.status ?? 500
        let phrase = reasonPhrase(status)
        arena.append("HTTP/1.1 ")
        arena.append(decimal: UInt64(status))
        arena.append(UInt8(0x20))
        arena.append(phrase)
        arena.append("\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: ")
        // "503 ", the phrase, ": ", the reason and a line feed.
        arena.append(decimal: UInt64(4 + phrase.utf8CodeUnitCount + 2 + reason.token.utf8CodeUnitCount + 1))
        arena.append("\r\nApus-Reason: ")
        arena.append(reason.token)
        arena.append("\r\n")
        append(retryAfter: retryAfter, &arena)
        if reason == .methodNotAllowed {
            // RFC 9110 section 15.5.6 asks for what would be allowed.
            arena.append("Allow: GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS, TRACE\r\n")
        }
        appendConnection(closes: closes, saysKeepAlive: saysKeepAlive, &arena)
        guard method != .head else { return }
        arena.append(decimal: UInt64(status))
        arena.append(UInt8(0x20))
        arena.append(phrase)
        arena.append(": ")
        arena.append(reason.token)
        arena.append("\n")
    }

    /// Appends what the head says of the connection, and ends the head.
    func appendConnection(closes: Bool, saysKeepAlive: Bool, _ arena: inout BufferArena) {
        arena.append(closes ? "Connection: close\r\n\r\n" : saysKeepAlive ? "Connection: keep-alive\r\n\r\n" : "\r\n")
    }

    func reasonPhrase(_ status: Int) -> StaticString {
        switch status {
        case 200: "OK"
        case 204: "No Content"
        case 304: "Not Modified"
        case 400: "Bad Request"
        case 404: "Not Found"
        case 405: "Method Not Allowed"
        case 408: "Request Timeout"
        case 413: "Content Too Large"
        case 414: "URI Too Long"
        case 417: "Expectation Failed"
        case 429: "Too Many Requests"
        case 431: "Request Header Fields Too Large"
        case 500: "Internal Server Error"
        case 501: "Not Implemented"
        case 502: "Bad Gateway"
        case 503: "Service Unavailable"
        case 504: "Gateway Timeout"
        case 505: "HTTP Version Not Supported"
        // A reason phrase may be anything, and be left out (RFC 9112 section 4).
        default: ""
        }
    }
}
