import ApusExchange
import ApusHTTP
import ApusModel
import ApusTransport

/// Answers that are no failures: a route's redirect or response, and those of Apus as the last that a TRACE or OPTIONS
/// request may come to.
extension Proxy {
    /// Refuses a request whose head is good, and whose end is known in most cases: the connection goes on then.
    mutating func answer(
        _ x: Int, _ reason: Reason, instead hand: inout RequestInHand, _ arena: inout BufferArena
    ) -> Next {
        skipBody(x, hand.place, headCount: hand.head.end, &arena)
        return .answer(reason)
    }

    /// Takes what has come of the request's body, which goes nowhere, and leaves what belongs to the next request with the
    /// connection. The bytes of the head are gone then.
    ///
    /// - Parameters:
    ///   - stretch: the head, and what came behind it.
    ///   - headCount: bytes of the head.
    mutating func skipBody(_ x: Int, _ stretch: Stretch, headCount: Int, _ arena: inout BufferArena) {
        var used = Int(stretch.start) + headCount
        if !exchanges[x].state.request.isComplete {
            arena.beginSend()
            do {
                used = try appendBody(.request, of: x, stretch.rest(from: used), &arena)
            } catch {
                exchanges[x].state.requestWasAbandoned = true
            }
        }
        guard keepInput(exchanges[x].client, stretch.rest(from: used), &arena) else {
            // What came behind it is lost, so that nothing more can be answered here.
            exchanges[x].state.requestWasAbandoned = true
            return
        }
    }

    /// Gives the response that the exchange's route gives by itself.
    mutating func answerByRoute(
        _ x: Int, _ hand: inout RequestInHand, _ arena: inout BufferArena
    ) -> Next {
        let route = exchanges[x].route
        guard let prepared = settings.routeAnswers[route] else { return .answer(.noRoute) }
        // What is filled in is read from the head, which is gone once the body has been looked at.
        guard let path = templatePath(x, &hand, &arena) else {
            return answer(x, .memoryLimit, instead: &hand, &arena)
        }
        var filling = TemplateFilling(&hand, path: path, route: route, arrival(x), by: settings.rules, arena)
        do {
            try settings.rules.writeAnswerFields(of: route, &filling, to: &arena)
        } catch {
            release(path, of: &hand, &arena)
            return answer(x, error, instead: &hand, &arena)
        }
        release(path, of: &hand, &arena)
        guard let lines = keepUnsent(of: x, &arena) else {
            return answer(x, .memoryLimit, instead: &hand, &arena)
        }
        skipBody(x, hand.place, headCount: hand.head.end, &arena)
        let closes = prepareAnswer(x, nil, status: prepared.status, &arena)
        arena.append(prepared.head.span)
        arena.append(copying: lines.handle, lines.range)
        arena.giveBack(lines.handle)
        return endAnswer(x, closes: closes, body: prepared.body, &arena)
    }

    /// Appends what ends every head, and a body that was prepared, and sends the answer.
    mutating func endAnswer(_ x: Int, closes: Bool, body: [UInt8], _ arena: inout BufferArena) -> Next {
        if !exchanges[x].hasPlainRoute { exchanges[x].appendFilterLines(&arena) }
        appendDate(&arena)
        appendConnection(closes: closes, saysKeepAlive: exchanges[x].state.version == .http10, &arena)
        let isSent = exchanges[x].state.method != .head
        if isSent, let reason = append(x, body: body.span, &arena) { return .breakOff(reason) }
        return sendAnswer(x, bodyBytes: isSent ? body.count : 0, &arena)
    }

    /// Appends a body of any size, sending what there is whenever the room is used up.
    ///
    /// - Returns: why the rest cannot be sent; nil when all is sent or appended.
    private mutating func append(_ x: Int, body: Span<UInt8>, _ arena: inout BufferArena) -> Reason? {
        var start = 0
        while body.count - start > arena.sendRoom {
            let end = start + arena.sendRoom
            arena.append(body.extracting(start..<end))
            exchanges[x].bytesSent += UInt64(arena.sendCount)
            // Where the client leaves now, that is what was sent.
            exchanges[x].state.answerBodyBytes = UInt32(truncatingIfNeeded: end)
            if let reason = flush(exchanges[x].client, &arena).failure { return reason }
            arena.beginSend()
            start = end
        }
        arena.append(body.extracting(start..<body.count))
        return nil
    }

    /// What was appended since `beginSend`, in a buffer of its own; nil when there is no memory.
    ///
    /// - Parameter kept: what goes before it there, and is given back.
    mutating func keepUnsent(
        of x: Int, behind kept: Stretch = Stretch(), _ arena: inout BufferArena
    ) -> Stretch? {
        let count = kept.count + arena.sendCount
        guard let handle = borrow(max(1, count), for: exchanges[x].client, &arena) else {
            return nil
        }
        if !kept.isEmpty {
            arena.copy(from: kept.handle, kept.range, to: handle, at: 0)
            arena.giveBack(kept.handle)
        }
        arena.copyUnsent(from: 0, to: handle, at: kept.count)
        return Stretch(handle, 0..<count)
    }

    // MARK: The last recipient

    /// Answers a TRACE or OPTIONS request that may not be forwarded further (Max-Forwards, RFC 9110 section 7.6.2).
    mutating func answerAsLastRecipient(
        _ x: Int, _ hand: inout RequestInHand, _ arena: inout BufferArena
    ) -> Next {
        arena.beginSend()
        if hand.head.method == .trace { appendTrace(&hand, &arena) }
        guard let body = keepUnsent(of: x, &arena) else {
            return answer(x, .memoryLimit, instead: &hand, &arena)
        }
        skipBody(x, hand.place, headCount: hand.head.end, &arena)
        let closes = prepareAnswer(x, nil, status: 200, &arena)
        arena.append("HTTP/1.1 200 OK\r\n")
        arena.append(hand.head.method == .trace ? "Content-Type: message/http\r\n" : Self.allowedMethods)
        arena.append("Content-Length: ")
        arena.append(decimal: UInt64(body.count))
        arena.append("\r\n")
        appendDate(&arena)
        appendConnection(closes: closes, saysKeepAlive: exchanges[x].state.version == .http10, &arena)
        arena.append(copying: body.handle, body.range)
        arena.giveBack(body.handle)
        return sendAnswer(x, bodyBytes: body.count, &arena)
    }

    /// The request's head as it came, without what is likely to be secret (RFC 9110 section 9.3.8).
    private mutating func appendTrace(_ hand: inout RequestInHand, _ arena: inout BufferArena) {
        arena.append(from: hand.place, hand.head.line.methodRange.lowerBound..<hand.head.line.end)
        for index in 0..<hand.fields.count {
            let line = hand.fields[index]
            let isSecret =
                line.field == .proxyAuthorization || isSecret(arena.bytes(of: hand.place).extracting(line.name))
            if !isSecret { arena.append(from: hand.place, line.line) }
        }
        arena.append("\r\n")
    }

    private mutating func isSecret(_ name: Span<UInt8>) -> Bool {
        name.equalsIgnoringCase(0..<name.count, "authorization") || name.equalsIgnoringCase(0..<name.count, "cookie")
    }
}
