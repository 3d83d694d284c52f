import ApusBalancing
import ApusExchange
import ApusHTTP
import ApusModel
import ApusTransport

/// Responses: from bytes of an origin to bytes of the client, in place where possible.
extension Proxy {
    /// What an origin's connection can do while it is leased.
    mutating func upstreamProceeds(_ upstream: Int, isWritable: Bool, _ arena: inout BufferArena) -> Next {
        let x = Int(connections[upstream].exchange)
        exchanges[x].state.visit.makeCurrent(Int32(truncatingIfNeeded: upstream))
        if isWritable, connections[upstream].hasUnsent {
            let waiting = connections[upstream].output.count
            switch connections.flushOutput(upstream, &arena) {
            case .all:
                // The end of the handshake may have stood before all of it.
                if connections[upstream].output.count < waiting { exchanges[x].state.visit.current.wasSent = true }
                let isSent = !connections[upstream].hasUnsent && exchanges[x].state.request.isComplete
                if isSent { requestHasEnded(x) } else { setDeadline(exchange: x, in: bodyTime(x)) }
                // It was the origin that was waited for.
                connections[exchanges[x].client].pace = .none
                if !connections[upstream].hasUnsent {
                    let next = relayRequest(x, &arena)
                    guard next.isQuiet else { return next }
                }
            case .noMemory, .systemHasNoMemory: return .answer(.memoryLimit)
            case .failed:
                // It takes no more of the request; what it may have answered is still to be read.
                exchanges[x].state.requestWasAbandoned = true
                connections.takesNoMore(upstream)
            }
        }
        if isWritable, exchanges[x].state.pipeHolds(.request) {
            let next = relayRequest(x, &arena)
            guard next.isQuiet else { return next }
        }
        return readResponse(x, &arena)
    }

    /// Reads the response as long as there is some and the client takes it.
    mutating func readResponse(_ x: Int, _ arena: inout BufferArena) -> Next {
        let client = exchanges[x].client
        let upstream = exchanges[x].upstream
        guard upstream >= 0, connections[upstream].phase == .leased else { return .waits }
        for _ in 0..<Self.readsPerTurn {
            if let next = spliceBody(.response, of: x, &arena) { return next }
            guard !connections[client].hasUnsent,
                connections[upstream].mayBeRead
            else { return .waits }
            let known = connections[upstream].input.count
            switch receive(upstream, &arena) {
            case .nothing: return .waits
            case .ended: return upstreamEnded(x, &arena)
            case .failed: return upstreamBroke(x)
            case .noMemory: return .answer(.memoryLimit)
            case .bytes(let stretch):
                if known > 0, !settings.isWorthParsing(stretch, knownBefore: known, arena) { continue }
                let next = processResponse(x, stretch, &arena)
                guard case .goesOn = next else { return next }
            }
        }
        connections.makeReady(upstream)
        return .waits
    }

    /// - Returns: `goesOn` when more may be read.
    private mutating func processResponse(_ x: Int, _ stretch: Stretch, _ arena: inout BufferArena) -> Next {
        let isHeadPending = exchanges[x].state.responsePhase == .awaited
        let endBefore = exchanges[x].state.end
        var offset = Int(stretch.start)
        let end = Int(stretch.end)
        arena.beginSend()
        do {
            while exchanges[x].state.responsePhase == .awaited {
                let rest = Stretch(stretch.handle, offset..<end)
                guard let head = try parseResponseHead(x, rest, &arena) else { return keepPartialHead(x, rest, &arena) }
                if head.isInterim {
                    try forwardInterim(x, head, rest, &arena)
                } else {
                    if retriesStatus(x, head.status) {
                        let next = retryInstead(x, head, rest, &arena)
                        guard case .goesOn = next else { return next }
                    }
                    beginResponse(x, head, rest, &arena)
                }
                offset += head.end
            }
            if !exchanges[x].state.response.isComplete {
                offset = try appendBody(.response, of: x, Stretch(stretch.handle, offset..<end), &arena)
            }
            // Not before what has come with the head is known to be a response.
            if isHeadPending { judge(x, status: exchanges[x].state.status) }
        } catch {
            if isHeadPending {
                exchanges[x].state.end = endBefore
                exchanges[x].headReceived = 0
            } else {
                // What was understood of a body goes on.
                exchanges[x].bytesSent += UInt64(arena.sendCount)
                _ = flush(exchanges[x].client, &arena)
            }
            return exchanges[x].state.responseRefused(error, isHeadPending: isHeadPending)
        }
        return passOn(x, Stretch(stretch.handle, offset..<end), &arena)
    }

    private mutating func parseResponseHead(
        _ x: Int, _ stretch: Stretch, _ arena: inout BufferArena
    ) throws(Reason) -> ResponseHead? {
        guard stretch.count > 0 else { return nil }
        do throws(Reason) {
            return try ResponseHead.parse(
                arena.bytes(stretch.handle, stretch.range), method: exchanges[x].state.method,
                limits: settings.responseHeadLimits, into: &scratch.responseFields)
        } catch {
            guard error.canBeMended else { throw error }
            var bytes = arena.mutableBytes(stretch.handle, stretch.range)
            return try ResponseHead.parse(
                mending: &bytes, method: exchanges[x].state.method, limits: settings.responseHeadLimits,
                into: &scratch.responseFields
            )
        }
    }

    /// Sends the interim responses that came before a final head of which only a part has come, and keeps the part.
    private mutating func keepPartialHead(_ x: Int, _ rest: Stretch, _ arena: inout BufferArena) -> Next {
        exchanges[x].bytesSent += UInt64(arena.sendCount)
        if let reason = flush(exchanges[x].client, &arena).failure { return .breakOff(reason) }
        return keepInput(exchanges[x].upstream, rest, &arena) ? .goesOn : .answer(.memoryLimit)
    }

    /// Interim responses of one exchange; more are no answer.
    private static var interimLimit: UInt8 { 100 }

    private mutating func forwardInterim(
        _ x: Int, _ head: ResponseHead, _ stretch: Stretch, _ arena: inout BufferArena
    ) throws(Reason) {
        if head.status == 101 { throw .unexpectedUpgrade }
        guard exchanges[x].state.interimCount < Self.interimLimit else { throw .badResponse }
        exchanges[x].state.interimCount += 1
        // The client may have acted on it: from here on the request belongs to this origin, and the other attempt, which may
        // have it still to send, is given up.
        if exchanges[x].state.visit.other.isUnderWay { dropOther(x, &arena) }
        exchanges[x].releaseReplay(&arena)
        if exchanges[x].state.awaitsContinue {
            exchanges[x].state.awaitsContinue = false
            setDeadline(exchange: x, in: bodyTime(x))
        }
        // HTTP/1.0 does not know them (RFC 9110 section 15.2).
        guard exchanges[x].state.version == .http11 else { return }
        // What comes at once is written at once; of more than anybody sends some is left out.
        guard arena.sendCount < Self.interimBytes else { return }
        arena.setInput(stretch.handle, at: Int(stretch.start))
        head.write(
            forwarded: ForwardedResponse(
                isChunked: false, connection: nil, keepsReason: settings.pools[exchanges[x].pool].keepsReasons),
            fields: scratch.responseFields, to: &arena)
    }

    /// Bytes of interim responses that came at once, beyond which no more of them are passed on.
    private static var interimBytes: Int { 16 << 10 }

    private mutating func beginResponse(
        _ x: Int, _ head: ResponseHead, _ stretch: Stretch, _ arena: inout BufferArena
    ) {
        let isHTTP10 = exchanges[x].state.version == .http10
        let hasNoLength = head.framing == .chunked || head.framing == .untilClose
        let isChunked = hasNoLength && !isHTTP10
        if exchanges[x].state.visit.other.isUnderWay { dropOther(x, &arena) }
        exchanges[x].alarm = .max
        exchanges[x].headReceived = now
        exchanges[x].state.responseBegins(
            head, isChunked: isChunked, needsEnd: hasNoLength && isHTTP10, leaving: leavingEnd(x))
        let closes = exchanges[x].state.closesClient
        if hasNoLength { noteStream(x, arena.bytes(stretch.handle, stretch.range)) }
        if scratch.responseFields.saysKeepAlive { noteKeepAlive(x, arena.bytes(stretch.handle, stretch.range)) }
        if head.status == 401 || head.status == 407 { noteChallenge(x, arena.bytes(stretch.handle, stretch.range)) }
        let saysLoop = head.status == 508 && noteLoop(x, arena.bytes(stretch.handle, stretch.range))
        exchanges[x].releaseReplay(&arena)
        let tellsSession =
            settings.pools[exchanges[x].pool].hasSessions
            && noteSession(x, arena.bytes(stretch.handle, stretch.range))
        let isEdited = !exchanges[x].hasPlainRoute
        let namesOrigin = isEdited && editResponse(x, arena.bytes(stretch.handle, stretch.range))
        // RFC 9110 section 6.6.1.
        let needsDate = !head.hasDate && !(isEdited && writesDate(x))
        if needsDate { updateDate() }
        arena.setInput(stretch.handle, at: Int(stretch.start))
        head.write(
            forwarded: ForwardedResponse(
                isChunked: isChunked, connection: closes ? .close : isHTTP10 ? .keepAlive : nil,
                keepsReason: settings.pools[exchanges[x].pool].keepsReasons || saysLoop),
            fields: scratch.responseFields, to: &arena,
            ownFields: {
                if tellsSession { appendSessionCookie(x, &$0) }
                if isEdited { appendResponseLines(x, namesOrigin: namesOrigin, &$0) }
                if needsDate { $0.append(records.date.line.span) }
            })
    }

    /// Has it told where the origin is an Apus that has refused the request since it had come back.
    ///
    /// - Returns: whether its word for it goes on: who runs the proxies in front of the loop has to learn of it.
    @inline(never)
    private mutating func noteLoop(_ x: Int, _ head: Span<UInt8>) -> Bool {
        guard scratch.responseFields.saysLoop(in: head) else { return false }
        tell(.ledBack(endpoint: exchanges[x].endpoint, listener: exchanges[x].listener))
        return !settings.listenerHidesReasons[exchanges[x].listener]
    }

    /// Notes for how long the origin says that it keeps the connection idle. One that it does not keep is closed.
    @inline(never)
    mutating func noteKeepAlive(_ x: Int, _ head: Span<UInt8>) {
        guard let seconds = scratch.responseFields.keepAliveTimeout(in: head) else { return }
        connections[exchanges[x].upstream].promisedIdle = seconds
        if seconds == 0 { exchanges[x].state.upstreamKeepsAlive = false }
    }

    /// Sends what was made of the response to the client.
    private mutating func passOn(_ x: Int, _ rest: Stretch, _ arena: inout BufferArena) -> Next {
        let client = exchanges[x].client
        let upstream = exchanges[x].upstream
        let count = arena.sendCount
        exchanges[x].bytesSent += UInt64(count)
        if let reason = flush(client, &arena).failure { return .breakOff(reason) }
        if exchanges[x].state.response.isComplete {
            // Bytes behind the response belong to nothing that was asked for.
            if rest.count > 0 { exchanges[x].state.upstreamKeepsAlive = false }
            _ = keepInput(upstream, rest.rest(from: Int(rest.end)), &arena)
            return responseEnded(x, &arena)
        }
        guard keepInput(upstream, rest, &arena) else { return .breakOff(.memoryLimit) }
        return bodyProceeded(x, by: count - min(count, connections.unsentCount(client)), waitingFor: responsePace(x))
    }

    /// The origin has closed its side.
    mutating func upstreamEnded(_ x: Int, _ arena: inout BufferArena) -> Next {
        let upstream = exchanges[x].upstream
        let next = exchanges[x].state.originEnded(
            hasPart: !connections[upstream].input.isEmpty, wasUsed: connections[upstream].wasUsed)
        guard case .goesOn = next else { return next }
        if exchanges[x].state.response.isChunkedOut {
            arena.beginSend()
            arena.append("0\r\n\r\n")
            exchanges[x].bytesSent += 5
            if let reason = flush(exchanges[x].client, &arena).failure { return .breakOff(reason) }
        }
        return responseEnded(x, &arena)
    }

    /// The origin's connection was reset, or is broken in another way.
    mutating func upstreamBroke(_ x: Int) -> Next {
        let upstream = exchanges[x].upstream
        if let alert = connections.links.lateAlert(connections[upstream].link),
            case let fault = HandshakeFault.refused(alert: alert), fault.isOfCertificates,
            exchanges[x].state.responsePhase == .awaited, exchanges[x].state.interimCount == 0,
            connections[upstream].input.isEmpty, !connections[upstream].wasUsed,
            !connections.links.isOfTLS12(connections[upstream].link)
        {
            return exchanges[x].state.originRefused(fault)
        }
        return exchanges[x].state.originBroke(
            hasPart: !connections[upstream].input.isEmpty, wasUsed: connections[upstream].wasUsed)
    }

    /// All of the response has been handed to the client's connection.
    mutating func responseEnded(_ x: Int, _ arena: inout BufferArena) -> Next {
        exchanges[x].state.responsePhase = .complete
        releaseUpstream(x, &arena)
        guard connections[exchanges[x].client].hasUnsent else { return .over }
        setDeadline(exchange: x, in: bodyTime(x))
        return .waits
    }
}

extension Connections.Sent {
    /// Why an exchange is broken off when this is said of its client's connection; nil when nothing is wrong.
    var failure: Reason? {
        switch self {
        case .all: nil
        case .failed: .clientClosed
        case .noMemory, .systemHasNoMemory: .memoryLimit
        }
    }
}
