import ApusExchange
import ApusHTTP
import ApusTransport

/// Splicing: large bodies of known length move from socket to socket inside the system.
///
/// Only what is framed by Content-Length on both sides, between two plain links, can go this way: all else has to be read. A
/// body is worth a pipe when more than a small part of it is still to come: `leastSpliced` says how much.
extension Proxy {
    /// Bytes that must be left of a body for a pipe to be worth its system calls. Of a request many more: what goes through a
    /// pipe cannot be sent again.
    private static func leastSpliced(_ direction: Direction) -> UInt64 {
        direction == .response ? 32 << 10 : 512 << 10
    }

    /// Moves the exchange's body as long as there is some and it is taken, if it moves through a pipe.
    ///
    /// - Returns: nil when it does not, and bytes are to be read as usual.
    @inline(__always)
    mutating func spliceBody(_ direction: Direction, of x: Int, _ arena: inout BufferArena) -> Next? {
        if exchanges[x].pipe.isNone {
            guard startSplicing(direction, of: x) else { return nil }
        } else if exchanges[x].state.pipeDirection != direction {
            return nil
        }
        return moveThroughPipe(direction, of: x, &arena)
    }

    private mutating func moveThroughPipe(_ direction: Direction, of x: Int, _ arena: inout BufferArena) -> Next {
        let client = exchanges[x].client
        let (source, target) =
            direction == .request ? (client, exchanges[x].upstream) : (exchanges[x].upstream, client)
        for _ in 0..<Self.readsPerTurn {
            if exchanges[x].state.pipeBytes == 0, exchanges[x].unseenBytes(direction) > 0 {
                guard connections[source].mayBeRead
                else { return .waits }
                let next = fillPipe(direction, of: x, from: source, &arena)
                guard case .goesOn = next else { return next }
            }
            let next = emptyPipe(direction, of: x, to: target, &arena)
            guard case .goesOn = next else { return next }
            if exchanges[x].state.pipeBytes == 0, exchanges[x].unseenBytes(direction) == 0 {
                return splicingEnded(direction, of: x, &arena)
            }
        }
        connections.makeReady(source)
        return .waits
    }

    private mutating func startSplicing(_ direction: Direction, of x: Int) -> Bool {
        let client = exchanges[x].client
        let upstream = exchanges[x].upstream
        guard exchanges[x].unseenBytes(direction) >= Self.leastSpliced(direction), upstream >= 0,
            direction == .request ? !isKeepingBody(x) : exchanges[x].state.responsePhase == .begun
        else { return false }
        let (source, target) = direction == .request ? (client, upstream) : (upstream, client)
        guard connections[source].link.isPlain, connections[target].link.isPlain else { return false }
        guard connections[source].input.isEmpty, !connections[target].hasUnsent, let pipe = connections.links.takePipe()
        else {
            return false
        }
        exchanges[x].pipe = pipe
        exchanges[x].state.pipeDirection = direction
        if direction == .request {
            exchanges[x].state.isReplayable = false
            exchanges[x].state.awaitsContinue = false
        }
        return true
    }

    /// The request's body is kept to be sent again, and all of it will fit in: it has to be seen.
    private mutating func isKeepingBody(_ x: Int) -> Bool {
        exchanges[x].state.isRepeatable && exchanges[x].state.isReplayable && !exchanges[x].replay.isEmpty
            && exchanges[x].state.request.byteCount + exchanges[x].state.request.unseenBytes <= keptBody(x)
    }

    /// - Returns: `goesOn` when the pipe holds something now.
    private mutating func fillPipe(
        _ direction: Direction, of x: Int, from source: Int, _ arena: inout BufferArena
    ) -> Next {
        let count = Int(clamping: exchanges[x].unseenBytes(direction))
        let result = connections.fill(exchanges[x].pipe, from: source, count)
        if result.rawValue > 0 {
            exchanges[x].state.pipeBytes = result.rawValue
            if direction == .request {
                exchanges[x].state.request.passedOn(result.rawValue)
            } else {
                exchanges[x].state.response.passedOn(result.rawValue)
            }
            return .goesOn
        }
        if result.wouldBlock {
            if direction == .response { originIsAwaited(x) }
            return .waits
        }
        if result.isOutOfMemory { return .answer(.memoryLimit) }
        if direction == .request { return .breakOff(.clientClosed) }
        return result.rawValue == 0 ? upstreamEnded(x, &arena) : upstreamBroke(x)
    }

    /// - Returns: `goesOn` when all that was in the pipe is gone.
    private mutating func emptyPipe(
        _ direction: Direction, of x: Int, to target: Int, _ arena: inout BufferArena
    ) -> Next {
        while exchanges[x].state.pipeBytes > 0 {
            let result = connections.empty(exchanges[x].pipe, to: target, exchanges[x].state.pipeBytes)
            if result.wouldBlock { return .waits }
            if result.isOutOfMemory { return .answer(.memoryLimit) }
            guard result.rawValue > 0 else {
                return direction == .response ? .breakOff(.clientClosed) : requestWasNotTaken(x, &arena)
            }
            exchanges[x].state.pipeBytes -= result.rawValue
            if direction == .response { exchanges[x].bytesSent += UInt64(result.rawValue) }
            let pace =
                direction == .response
                ? responsePace(x) : exchanges[x].requestPace(hasRoom: exchanges[x].state.pipeBytes == 0)
            let next = bodyProceeded(x, by: result.rawValue, waitingFor: pace)
            guard case .goesOn = next else { return next }
        }
        return .goesOn
    }

    private mutating func splicingEnded(_ direction: Direction, of x: Int, _ arena: inout BufferArena) -> Next {
        releasePipe(x)
        if direction == .response { return responseEnded(x, &arena) }
        requestHasEnded(x)
        return .waits
    }

    /// The origin takes no more of the request; it may have said why before.
    private mutating func requestWasNotTaken(_ x: Int, _ arena: inout BufferArena) -> Next {
        exchanges[x].state.requestWasAbandoned = true
        connections.takesNoMore(exchanges[x].upstream)
        releasePipe(x)
        return readResponse(x, &arena)
    }

    mutating func releasePipe(_ x: Int) {
        guard !exchanges[x].pipe.isNone else { return }
        connections.links.giveBack(exchanges[x].pipe, isEmpty: exchanges[x].state.pipeBytes == 0)
        exchanges[x].pipe = .none
        exchanges[x].state.pipeBytes = 0
        exchanges[x].state.pipeDirection = .response
    }
}
