import ApusHTTP
import ApusTransport

/// Splicing: large bodies of known length move from socket to socket inside the system.
///
/// Only what is framed by Content-Length on both sides can go this way: every other framing has to be read. A body is
/// worth a pipe when it is larger than what one read takes several times over; below that copying is cheaper.
extension Worker {
    /// Bytes that must be left of a body for a pipe to be worth its system calls.
    private static let leastSpliced: UInt64 = 512 << 10

    /// Moves the exchange's body as long as there is some and it is taken, if it moves through a pipe.
    ///
    /// - Returns: false when it does not, and bytes are to be read as usual.
    mutating func spliceBody(_ direction: Direction, of x: Int, _ arena: inout BufferArena) -> Bool {
        if exchanges[x].pipe.isNone {
            guard startSplicing(direction, of: x) else { return false }
        } else if exchanges[x].pipeDirection != direction {
            return false
        }
        let client = exchanges[x].client
        let (source, target) =
            direction == .request ? (client, exchanges[x].upstream) : (exchanges[x].upstream, client)
        for _ in 0..<Self.readsPerTurn {
            if exchanges[x].pipeBytes == 0, unseenBytes(direction, of: x) > 0 {
                guard connections[source].isReadable || connections[source].peerClosed || connections[source].isBroken
                else { return true }
                guard fillPipe(direction, of: x, from: source, &arena) else { return true }
            }
            guard emptyPipe(direction, of: x, to: target, &arena) else { return true }
            if exchanges[x].pipeBytes == 0, unseenBytes(direction, of: x) == 0 {
                splicingEnded(direction, of: x, &arena)
                return true
            }
        }
        makeReady(source)
        return true
    }

    private mutating func startSplicing(_ direction: Direction, of x: Int) -> Bool {
        let client = exchanges[x].client
        let upstream = exchanges[x].upstream
        guard unseenBytes(direction, of: x) >= Self.leastSpliced, upstream >= 0,
            direction == .request || exchanges[x].responsePhase == .begun
        else { return false }
        let (source, target) = direction == .request ? (client, upstream) : (upstream, client)
        guard connections[source].input.isEmpty, connections[target].output.isEmpty, let pipe = pipes.take() else {
            return false
        }
        exchanges[x].pipe = pipe
        exchanges[x].pipeDirection = direction
        if direction == .request {
            exchanges[x].isReplayable = false
            exchanges[x].awaitsContinue = false
        }
        return true
    }

    private mutating func unseenBytes(_ direction: Direction, of x: Int) -> UInt64 {
        direction == .request ? exchanges[x].request.unseenBytes : exchanges[x].response.unseenBytes
    }

    /// - Returns: whether the pipe holds something now. If not, the exchange waits or has ended.
    private mutating func fillPipe(
        _ direction: Direction, of x: Int, from source: Int, _ arena: inout BufferArena
    ) -> Bool {
        let count = Int(min(unseenBytes(direction, of: x), UInt64(PipePool.pipeCapacity)))
        let result = exchanges[x].pipe.fill(from: connections[source].socket, count)
        if result.rawValue > 0 {
            exchanges[x].pipeBytes = result.rawValue
            if direction == .request {
                exchanges[x].request.passedOn(result.rawValue)
            } else {
                exchanges[x].response.passedOn(result.rawValue)
            }
            return true
        }
        connections[source].isReadable = false
        if result.wouldBlock {
            if direction == .response { originIsAwaited(x) }
            return false
        }
        if direction == .request {
            abort(x, .clientClosed, &arena)
        } else if result.rawValue == 0 {
            upstreamEnded(x, &arena)
        } else {
            upstreamBroke(x, &arena)
        }
        return false
    }

    /// - Returns: whether all that was in the pipe is gone. If not, the exchange waits or has ended.
    private mutating func emptyPipe(
        _ direction: Direction, of x: Int, to target: Int, _ arena: inout BufferArena
    ) -> Bool {
        while exchanges[x].pipeBytes > 0 {
            let result = exchanges[x].pipe.empty(to: connections[target].socket, exchanges[x].pipeBytes)
            if result.wouldBlock { return false }
            guard result.rawValue > 0 else {
                if direction == .response {
                    abort(x, .clientClosed, &arena)
                } else {
                    requestWasNotTaken(x, &arena)
                }
                return false
            }
            exchanges[x].pipeBytes -= result.rawValue
            if direction == .response { exchanges[x].bytesSent += UInt64(result.rawValue) }
            let pace = direction == .response ? responsePace(x) : requestPace(x, hasRoom: exchanges[x].pipeBytes == 0)
            guard bodyProceeded(x, by: result.rawValue, waitingFor: pace, &arena) else { return false }
        }
        return true
    }

    private mutating func splicingEnded(_ direction: Direction, of x: Int, _ arena: inout BufferArena) {
        releasePipe(x)
        if direction == .response {
            responseEnded(x, &arena)
        } else {
            setDeadline(exchanges[x].client, in: responseHeadTime(x))
        }
    }

    /// The origin takes no more of the request; it may have said why before.
    mutating func requestWasNotTaken(_ x: Int, _ arena: inout BufferArena) {
        exchanges[x].requestWasAbandoned = true
        connections[exchanges[x].upstream].isBroken = true
        releasePipe(x)
        readResponse(x, &arena)
    }

    mutating func releasePipe(_ x: Int) {
        guard !exchanges[x].pipe.isNone else { return }
        pipes.giveBack(exchanges[x].pipe, isEmpty: exchanges[x].pipeBytes == 0)
        exchanges[x].pipe = .none
        exchanges[x].pipeBytes = 0
        exchanges[x].pipeDirection = .response
    }
}
