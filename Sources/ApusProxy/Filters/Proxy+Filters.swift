import ApusExchange
import ApusHTTP
import ApusModel
import ApusTransport

/// Filters: those of a route look at its requests, one after the other, before they go on.
///
/// One that answers later costs its request another parse and nobody else anything: the head stays in the client's
/// connection, the exchange waits like any other, and the decision comes by the worker's mailbox, with a handle that names
/// the exchange and the question. Whatever becomes of the exchange meanwhile, a decision for it is then one for nobody.
extension Proxy {
    /// Asks the filters that have not been asked yet.
    ///
    /// - Returns: `goesOn` when all let the request go on.
    mutating func askFilters(_ x: Int, _ hand: inout RequestInHand, _ arena: inout BufferArena) -> Next {
        let filters = shared.snapshot.routes[exchanges[x].route].filters
        while exchanges[x].state.filters.place < filters.count {
            let filter = filters[exchanges[x].state.filters.place].filter
            let question = FilterQuestion(
                by: neighbours.mailbox, exchange: exchanges.handle(x).token, number: exchanges[x].state.filters.asks())
            switch filter.look(at: hand.head, hand.fields, arena.bytes(of: hand.place), question) {
            case .decided(.proceed): exchanges[x].state.filters.proceeds()
            case .decided(.answer(let response)): return answer(x, response, instead: &hand, &arena)
            case .later: return waitForFilter(x, &hand, &arena)
            }
        }
        return .goesOn
    }

    private mutating func waitForFilter(
        _ x: Int, _ hand: inout RequestInHand, _ arena: inout BufferArena
    ) -> Next {
        guard keepInput(exchanges[x].client, hand.place, &arena) else {
            return answer(x, .memoryLimit, instead: &hand, &arena)
        }
        exchanges[x].state.filters.waits()
        setDeadline(exchange: x, in: responseHeadTime(x))
        return .waits
    }

    /// A filter has decided, perhaps too late.
    mutating func hear(
        _ decision: FilterDecision, exchange token: UInt64, number: UInt16, _ hand: inout RequestInHand,
        _ arena: inout BufferArena
    ) {
        guard let x = exchanges.index(SlabHandle(token: token)), let heard = exchanges[x].state.filters.heard(number)
        else { return }
        drive(x, resume(x, heard == .counts ? decision : .proceed, &hand, &arena), &arena)
    }

    /// Takes the head that was kept into the hand again, and goes on where its request waited.
    private mutating func resume(
        _ x: Int, _ decision: FilterDecision, _ hand: inout RequestInHand, _ arena: inout BufferArena
    ) -> Next {
        exchanges[x].deadline = .max
        let place = connections[exchanges[x].client].input
        do throws(Reason) {
            // It was whole; a reload may have set other limits.
            guard try hand.parse(arena.bytes(of: place), at: place, limits: settings.rules.headLimits) else {
                throw Reason.headTooLarge
            }
        } catch {
            exchanges[x].state.requestWasAbandoned = true
            return .answer(error)
        }
        settleClaims(exchanges[x].client, &hand, &arena)
        if case .answer(let response) = decision { return answer(x, response, instead: &hand, &arena) }
        // As a reload has renamed or changed them.
        let rules = settings.rules.routes[exchanges[x].route]
        exchanges[x].state.visit.pool = rules.pool
        exchanges[x].state.visit.priority = rules.priority
        var next = askFilters(x, &hand, &arena)
        guard case .goesOn = next else { return next }
        next = takeWay(x, &hand, &arena)
        guard case .goesOn = next else { return next }
        return sendOn(x, rules, &hand, &arena)
    }

    /// Gives the response of a filter, and takes what has come of the request's body.
    private mutating func answer(
        _ x: Int, _ response: FixedResponse, instead hand: inout RequestInHand, _ arena: inout BufferArena
    ) -> Next {
        let prepared = PreparedResponse(response)
        skipBody(x, hand.place, headCount: hand.head.end, &arena)
        let closes = prepareAnswer(x, nil, status: prepared.status, &arena)
        arena.append(prepared.head.span)
        return endAnswer(x, closes: closes, body: prepared.body, &arena)
    }

    /// The request that waits for a filter is answered otherwise: what is kept of it is let go, but not what has come
    /// behind it.
    mutating func giveUpFilters(_ x: Int, _ arena: inout BufferArena) {
        exchanges[x].state.filters.givesUp()
        skipBody(x, connections[exchanges[x].client].input, headCount: exchanges[x].headBytes, &arena)
    }
}

extension Mailbox: FilterAsker where Message == WorkerMessage {
    func hear(_ decision: FilterDecision, exchange: UInt64, number: UInt16) {
        post(.decided(decision, exchange: exchange, number: number))
    }
}
