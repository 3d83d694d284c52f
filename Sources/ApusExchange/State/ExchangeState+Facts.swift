import ApusBalancing
public import ApusHTTP
public import ApusModel

/// Facts, and what follows from them.
extension ExchangeState {
    // MARK: Connections

    /// The origin has ended its direction.
    ///
    /// - Parameters:
    ///   - hasPart: a part of the response's head has come.
    ///   - wasUsed: the connection had served another exchange.
    /// - Returns: `goesOn` where that is the proper end of the response.
    public mutating func originEnded(hasPart: Bool, wasUsed: Bool) -> Next {
        guard responsePhase == .awaited else {
            return response.connectionEnded() ? .goesOn : .breakOff(.upstreamTruncated)
        }
        // It had ended its direction, and reset what was still sent to it.
        let hasRefused = requestWasAbandoned && !request.isComplete
        return originFailed(hasRefused ? .upstreamReset : .upstreamClosed, hasPart: hasPart, wasUsed: wasUsed)
    }

    /// The origin's connection was reset, or is broken in another way.
    public func originBroke(hasPart: Bool, wasUsed: Bool) -> Next {
        guard responsePhase == .awaited else { return .breakOff(.upstreamTruncated) }
        return originFailed(.upstreamReset, hasPart: hasPart, wasUsed: wasUsed)
    }

    /// The origin has refused the handshake, behind which the request was sent already: it has seen nothing of that.
    public func originRefused(_ fault: HandshakeFault) -> Next { .attemptFailed(AttemptFailure(.handshake(fault))) }

    /// What was sent to the origin is not acknowledged.
    public func originIsUnreachable(wasUsed: Bool) -> Next {
        originFailed(.upstreamUnreachable, hasPart: false, wasUsed: wasUsed)
    }

    private func originFailed(_ reason: Reason, hasPart: Bool, wasUsed: Bool) -> Next {
        guard !hasPart else { return .attemptFailed(AttemptFailure(.badResponse, reason)) }
        var failure = AttemptFailure(wasUsed ? .reusedConnectionDied : .freshConnectionDied, reason)
        // One that had served others was most likely closed as idle, which says nothing about the endpoint.
        failure.blamesEndpoint = !wasUsed
        return .attemptFailed(failure)
    }

    /// The client has ended its direction: it has left, unless its listener serves those that have only done that.
    ///
    /// - Returns: `goesOn` where there is something to go on with.
    public func clientEnded(isServed: Bool) -> Next {
        isServed || responsePhase == .complete ? .goesOn : .breakOff(.clientClosed)
    }

    // MARK: Responses

    /// The origin's final head is passed on.
    ///
    /// - Parameters:
    ///   - leaving: why the client's connection ends whatever is said on it; `kept` if it need not.
    ///   - isChunked: the body goes on in chunks.
    @inlinable @inline(__always)
    public mutating func responseBegins(
        _ head: ResponseHead, isChunked: Bool, needsEnd: Bool, leaving: ConnectionEnd
    ) {
        end = endOfResponse(needsEnd: needsEnd, leaving: leaving)
        responsePhase = .begun
        status = head.status
        upstreamKeepsAlive = head.keepsAlive && head.framing != .untilClose
        response = BodyRelay(head.framing, isChunkedOut: isChunked, bearsBlanks: true)
        response.passesTrailers = !head.namesFields
    }

    /// What the origin sent may not be passed on.
    ///
    /// - Parameter isHeadPending: nothing of it has been sent yet: the client gets a 502 instead.
    public mutating func responseRefused(_ reason: Reason, isHeadPending: Bool) -> Next {
        guard isHeadPending else { return .breakOff(.badResponseBody) }
        responsePhase = .awaited
        let isKnown = reason == .unexpectedUpgrade || reason == .responseHeadTooLarge
        return .attemptFailed(AttemptFailure(.badResponse, isKnown ? reason : .badResponse))
    }

    // MARK: Answers of Apus's own

    /// Whether an answer for that reason can be given; otherwise the exchange is broken off.
    public func mayAnswer(_ reason: Reason) -> Bool { responsePhase == .awaited && reason.status != nil }

    /// Apus answers.
    ///
    /// - Parameter reason: nil for an answer that is what was configured.
    public mutating func answerBegins(_ reason: Reason?, status: Int, leaving: ConnectionEnd) {
        end = endOfAnswer(reason, leaving: leaving)
        responsePhase = .complete
        self.status = status
        self.reason = reason
        answeredItself = true
    }

    /// The exchange is broken off.
    ///
    /// - Returns: whether the client's connection must end with a reset: its mere end could look like the response's.
    public mutating func breaksOff(_ reason: Reason) -> Bool {
        self.reason = reason
        end = ConnectionEnd(brokenFor: reason)
        return responsePhase == .begun && response.isEndedByClosing || version == .http10
    }

    // MARK: Time

    /// Nothing has moved for as long as it may. Whose fault that is depends on what was waited for.
    ///
    /// - Parameters:
    ///   - originStalls: the origin has not taken what was sent to it.
    ///   - clientStalls: the client has not.
    public func timedOut(originStalls: Bool, clientStalls: Bool) -> Next {
        if filters.isWaiting { return .answer(.filterTimeout) }
        guard responsePhase == .awaited else {
            return .breakOff(clientStalls || pipeHolds(.response) ? .clientStalled : .responseBodyTimeout)
        }
        let waitsForClient = !requestIsOver && !originStalls && !pipeHolds(.request) && !awaitsContinue
        if waitsForClient { return .answer(.requestBodyTimeout) }
        var failure = AttemptFailure(.responseHeadTimedOut, .responseHeadTimeout)
        failure.endsBoth = true
        // A client that announced a body, and sends it to nobody who does not ask for it, is waited for as well.
        failure.blamesEndpoint = !awaitsContinue
        return .attemptFailed(failure)
    }

    /// A body moves too slowly.
    ///
    /// - Parameter isClients: the client was waited for, and not the origin.
    public func tooSlow(isClients: Bool) -> Next {
        guard isClients else { return .breakOff(.responseBodyTooSlow) }
        return responsePhase == .awaited ? .answer(.requestBodyTooSlow) : .breakOff(.clientTooSlow)
    }
}

/// How the client's connection fares. `mutating`, though nothing changes: the compiler would copy the state for each call.
extension ExchangeState {
    /// The end that comes with an origin's response.
    ///
    /// - Parameter needsEnd: only the connection's end tells the client where the response ends.
    @inlinable
    mutating func endOfResponse(needsEnd: Bool, leaving: ConnectionEnd) -> ConnectionEnd {
        guard end == .kept else { return end }
        if !clientKeepsAlive { return .clientAsked }
        // A request that is not all here yet might never be; the connection cannot be relied on after this.
        if !requestWasForwarded { return .earlyResponse }
        if leaving != .kept { return leaving }
        return needsEnd ? .responseWithoutLength : .kept
    }

    /// The end that comes with an answer of Apus's own.
    private mutating func endOfAnswer(_ reason: Reason?, leaving: ConnectionEnd) -> ConnectionEnd {
        guard end == .kept else { return end }
        if reason == .drainDeadline { return .drainDeadline }
        if requestIsCut, let reason, let end = ConnectionEnd(cutFor: reason) { return end }
        if hasHead, !clientKeepsAlive { return .clientAsked }
        if requestIsCut { return .earlyResponse }
        return clientKeepsAlive ? leaving : .clientAsked
    }
}

// `init(brokenFor:)` is in ApusModel/AccessLog/ConnectionEnd.swift.
extension ConnectionEnd {
    /// What a request that was answered before it was read did wrong; nil when nothing was wrong with it.
    fileprivate init?(cutFor reason: Reason) {
        switch reason {
        case .requestHeadTimeout: self = .requestHeadTimeout
        case .requestBodyTimeout: self = .requestBodyTimeout
        case .requestBodyTooSlow: self = .requestBodyTooSlow
        case .memoryLimit: self = .memoryLimit
        default:
            switch reason.status {
            case 400, 405, 413, 414, 417, 431, 501, 505: self = .requestRefused
            default: return nil
            }
        }
    }
}
