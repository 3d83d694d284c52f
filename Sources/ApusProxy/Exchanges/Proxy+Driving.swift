import ApusExchange
import ApusHTTP
import ApusModel
import ApusTransport

/// Driving: what follows a fact about an exchange is carried out here, and what follows from that, until the exchange waits
/// or is over.
///
/// Whoever brings a fact (an event, a deadline, a turn in a queue) says `drive`, last. All that is called from here returns a
/// `Next`, and only this loop ends an exchange: nothing else has to ask whether it is still there.
extension Proxy {
    /// Most facts leave nothing to be carried out; of the others most are that all is over.
    @inline(__always)
    mutating func drive(_ x: Int, _ first: Next, _ arena: inout BufferArena) {
        if first.isQuiet { return }
        if case .over = first { endExchange(x, &arena) } else { carryOut(first, x, &arena) }
    }

    private mutating func carryOut(_ first: Next, _ x: Int, _ arena: inout BufferArena) {
        var next = first
        while true {
            switch next {
            case .goesOn, .waits: return
            case .visit(let step): next = takeStep(step, x, &arena)
            case .attemptFailed(let failure): next = attemptFailed(x, failure, &arena)
            case .answer(let reason):
                next = exchanges[x].state.mayAnswer(reason) ? answer(x, reason, &arena) : .breakOff(reason)
            case .breakOff(let reason): return breakOff(x, reason, &arena)
            case .over: return endExchange(x, &arena)
            }
        }
    }

    /// The response is sent: what remains is to count, and to see how the client's connection goes on.
    private mutating func endExchange(_ x: Int, _ arena: inout BufferArena) {
        let client = exchanges[x].client
        let closes = exchanges[x].state.closesClient
        let isCut = exchanges[x].state.requestIsCut
        finish(x, &arena)
        if closes {
            let hasMore = isCut || connections[client].isReadable || !connections[client].input.isEmpty
            return hasMore ? linger(client, &arena) : closeClient(client, &arena)
        }
        connections[client].phase = .waiting
        connections[client].wasUsed = true
        let isLeaving = isLeaving(Int(connections[client].place))
        setDeadline(client, in: isLeaving ? 0 : settings.idle)
        if isLeaving, connections[client].input.isEmpty {
            return connections[client].isReadable ? linger(client, &arena) : closeClient(client, &arena)
        }
        if !connections[client].input.isEmpty || connections[client].mayHaveMore {
            connections.makeReady(client)
        }
    }

    /// The response cannot be completed, or nobody is left to read it: both connections end, and the client's in a way
    /// that cannot be taken for a complete response.
    private mutating func breakOff(_ x: Int, _ reason: Reason, _ arena: inout BufferArena) {
        let client = exchanges[x].client
        let needsReset = exchanges[x].state.breaksOff(reason)
        if reason.isOfResponseBodies { noteBrokenResponse(x, reason) }
        dropUpstream(x, &arena)
        finish(x, &arena)
        if needsReset {
            forgetClient(client, &arena)
            connections.reset(client, &arena)
        } else {
            closeClient(client, &arena)
        }
    }

    /// Counts and logs the exchange and forgets it.
    private mutating func finish(_ x: Int, _ arena: inout BufferArena) {
        record(x, &arena)
        if exchanges[x].state.visit.isAdmitted { leavePool(x) }
        if !exchanges[x].hasPlainRoute { exchanges[x].leaveRoute(shared.routeLoads, &arena) }
        exchanges[x].releaseReplay(&arena)
        releasePipe(x)
        arena.giveBack(exchanges[x].note.handle)
        connections[exchanges[x].client].exchange = -1
        exchanges.remove(x)
    }
}
