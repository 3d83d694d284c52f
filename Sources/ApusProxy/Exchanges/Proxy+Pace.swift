import ApusExchange
import ApusHTTP
import ApusTransport

/// Whose pace decides how a body proceeds.
enum Pace: UInt8, BitwiseCopyable {
    /// Nobody's that has to hurry: a stream of unknown length, or a body that both sides are in the middle of.
    case none
    /// The client's: it sends its request, or reads its response.
    case client
    /// The same, and nothing could be handed over for the time of a body: what is counted is what its machine has not acknowledged.
    case acknowledging
    /// The origin's: it has said how long its response is, and sends it.
    case origin
}

/// A minimum rate: whoever sends a byte before every deadline would keep a connection for ever.
///
/// Bytes are counted where a deadline is renewed, for as long as the body waits for the same side; they are compared with
/// the rate when the window has passed. Nothing is timed for it, and a message that comes in one read pays nothing.
extension Proxy {
    /// A body has moved on: it has the time of a body for what comes next, unless it was too slow up to now.
    ///
    /// - Parameters:
    ///   - count: bytes that have moved.
    ///   - pace: who is waited for now.
    /// - Returns: `goesOn`, unless it was too slow.
    @inline(__always)
    mutating func bodyProceeded(_ x: Int, by count: Int, waitingFor pace: Pace) -> Next {
        let client = exchanges[x].client
        setDeadline(exchange: x, in: bodyTime(x))
        guard connections[client].pace == pace, pace != .none else {
            if connections[client].pace == .acknowledging, isBelowRate(x, after: count) {
                return exchanges[x].state.tooSlow(isClients: true)
            }
            connections[client].pace = pace
            connections[client].since = now
            connections[client].byteCount = 0
            return .goesOn
        }
        let (sum, isOver) = connections[client].byteCount.addingReportingOverflow(UInt32(truncatingIfNeeded: count))
        connections[client].byteCount = isOver ? .max : sum
        return now &- connections[client].since < settings.rateWindow ? .goesOn : windowEnded(x)
    }

    /// Who is waited for, now that some of a response has been passed on.
    mutating func responsePace(_ x: Int) -> Pace {
        let client = exchanges[x].client
        if connections[client].hasUnsent || exchanges[x].state.pipeHolds(.response) { return .client }
        // It has just made room, and there is more for it.
        let upstream = exchanges[x].upstream
        if connections[client].pace == .client, upstream >= 0, connections[upstream].isReadable { return .client }
        return exchanges[x].state.response.hasNoLength ? .none : .origin
    }

    /// There was no more for the client after all.
    mutating func originIsAwaited(_ x: Int) {
        let client = exchanges[x].client
        if connections[client].pace == .client { connections[client].pace = .none }
    }

    /// Compares what has moved in the window with the rate, and begins the next window.
    @inline(never)
    private mutating func windowEnded(_ x: Int) -> Next {
        let client = exchanges[x].client
        let milliseconds = (now - connections[client].since) / 1_000
        let moved = Int64(connections[client].byteCount)
        connections[client].since = now
        connections[client].byteCount = 0
        let rate = minRate(x)
        guard rate > 0, moved < rate &* milliseconds / 1_000, !exchanges[x].isEventStream else {
            return .goesOn
        }
        return exchanges[x].state.tooSlow(isClients: connections[client].pace == .client)
    }

    /// Nothing of a response could be handed over for the time of a body: whether its client takes it nevertheless.
    ///
    /// The system has room again when a third of its buffer is free, and that may be megabytes: a client that reads slowly and
    /// steadily is not heard of for minutes. So the system is asked how much the client's machine has acknowledged, now and when
    /// the time is over once more.
    ///
    /// - Returns: nil for a client that takes nothing, and where it is not the client who is waited for.
    @inline(never)
    mutating func lookAtReader(_ x: Int) -> Next? {
        let client = exchanges[x].client
        guard exchanges[x].state.responsePhase != .awaited,
            connections[client].hasUnsent || exchanges[x].state.pipeHolds(.response),
            let left = connections.links.unacknowledged(connections[client].link), left > 0
        else { return nil }
        if connections[client].pace == .acknowledging {
            guard left < Int(connections[client].byteCount) else { return nil }
            if isBelowRate(x, after: 0) { return exchanges[x].state.tooSlow(isClients: true) }
        }
        connections[client].pace = .acknowledging
        connections[client].since = now
        connections[client].byteCount = UInt32(truncatingIfNeeded: left)
        setDeadline(exchange: x, in: bodyTime(x))
        return .waits
    }

    /// Whether the client's machine has acknowledged less since the latest look than the rate asks for.
    ///
    /// - Parameter count: bytes that were handed over since.
    @inline(never)
    private mutating func isBelowRate(_ x: Int, after count: Int) -> Bool {
        let client = exchanges[x].client
        guard !exchanges[x].isEventStream, let left = connections.links.unacknowledged(connections[client].link) else {
            return false
        }
        let moved = Int64(connections[client].byteCount) + Int64(count) - Int64(left)
        let milliseconds = (now - connections[client].since) / 1_000
        return moved < minRate(x) &* milliseconds / 1_000
    }

    /// Notes whether the response is a stream of events. To be asked of responses of unknown length: others are none.
    @inline(never)
    mutating func noteStream(_ x: Int, _ head: Span<UInt8>) {
        exchanges[x].isEventStream = scratch.responseFields.isEventStream(in: head)
    }
}
