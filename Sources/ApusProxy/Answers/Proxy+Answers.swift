import ApusExchange
import ApusHTTP
import ApusTransport

/// Answers that Apus makes itself, each with its reason.
extension Proxy {
    /// Answers for the origin, or refuses. No response has begun.
    mutating func answer(_ x: Int, _ reason: Reason, _ arena: inout BufferArena) -> Next {
        let closes = prepareAnswer(x, reason, status: reason.status ?? 500, &arena)
        let isHTTP10 = exchanges[x].state.version == .http10
        let bodyBytes = writeAnswer(
            reason, to: x, listener: exchanges[x].listener, retryAfter: retryAfter(x, reason),
            method: exchanges[x].state.method,
            closes: closes, saysKeepAlive: isHTTP10, &arena)
        return sendAnswer(x, bodyBytes: bodyBytes, &arena)
    }

    /// Makes the exchange one that Apus answers, and begins a send.
    ///
    /// - Parameter reason: nil for an answer that is what was configured.
    /// - Returns: whether the client's connection ends with the answer.
    mutating func prepareAnswer(
        _ x: Int, _ reason: Reason?, status: Int, _ arena: inout BufferArena
    ) -> Bool {
        dropUpstream(x, &arena)
        if exchanges[x].state.filters.isWaiting { giveUpFilters(x, &arena) }
        exchanges[x].state.answerBegins(reason, status: status, leaving: leavingEnd(x))
        arena.beginSend()
        return exchanges[x].state.closesClient
    }

    /// Sends the answer, or what is left of it; the exchange is over when the client has it.
    ///
    /// - Parameter bodyBytes: how long the answer's body is.
    mutating func sendAnswer(_ x: Int, bodyBytes: Int, _ arena: inout BufferArena) -> Next {
        let client = exchanges[x].client
        exchanges[x].bytesSent += UInt64(arena.sendCount)
        exchanges[x].state.answerBodyBytes = UInt32(truncatingIfNeeded: bodyBytes)
        if let reason = flush(client, &arena).failure { return .breakOff(reason) }
        guard connections[client].hasUnsent else { return .over }
        setDeadline(exchange: x, in: bodyTime(x))
        return .waits
    }

    /// Appends the response for `reason` to the send.
    ///
    /// - Parameter x: the exchange whose answer it is; nil where none has begun.
    /// - Returns: how long its body is.
    @discardableResult
    mutating func writeAnswer(
        _ reason: Reason, to x: Int? = nil, listener: Int, retryAfter: Int = 0, method: Method, closes: Bool,
        saysKeepAlive: Bool = false, _ arena: inout BufferArena
    ) -> Int {
        let isTold = !settings.listenerHidesReasons[listener]
        let status = reason.status ?? 500
        let phrase = reasonPhrase(status)
        arena.append("HTTP/1.1 ")
        arena.append(decimal: UInt64(status))
        arena.append(UInt8(0x20))
        arena.append(phrase)
        arena.append("\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: ")
        // "503 ", the phrase, ": ", the reason and a line feed.
        let told = isTold ? 2 + reason.token.utf8CodeUnitCount : 0
        let bodyBytes = 4 + phrase.utf8CodeUnitCount + told + 1
        arena.append(decimal: UInt64(bodyBytes))
        arena.append("\r\n")
        if isTold {
            arena.append("Apus-Reason: ")
            arena.append(reason.token)
            arena.append("\r\n")
        }
        append(retryAfter: retryAfter, &arena)
        if let x, !exchanges[x].hasPlainRoute { exchanges[x].appendFilterLines(&arena) }
        if reason == .methodNotAllowed {
            // RFC 9110 section 15.5.6 asks for what would be allowed.
            arena.append(Self.allowedMethods)
        }
        appendDate(&arena)
        appendConnection(closes: closes, saysKeepAlive: saysKeepAlive, &arena)
        guard method != .head else { return 0 }
        arena.append(decimal: UInt64(status))
        arena.append(UInt8(0x20))
        arena.append(phrase)
        if isTold {
            arena.append(": ")
            arena.append(reason.token)
        }
        arena.append("\n")
        return bodyBytes
    }

    static var allowedMethods: StaticString { "Allow: GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS, TRACE\r\n" }

    /// Has `date` say the present second.
    mutating func updateDate() {
        let now = now
        if records.date.isOver(now) { records.date.update(now: now, wallClock: connections.links.wallClock()) }
    }

    mutating func appendDate(_ arena: inout BufferArena) {
        updateDate()
        arena.append(records.date.line.span)
    }

    /// Appends what the head says of the connection, and ends the head.
    mutating func appendConnection(closes: Bool, saysKeepAlive: Bool, _ arena: inout BufferArena) {
        arena.append(closes ? "Connection: close\r\n\r\n" : saysKeepAlive ? "Connection: keep-alive\r\n\r\n" : "\r\n")
    }
}
