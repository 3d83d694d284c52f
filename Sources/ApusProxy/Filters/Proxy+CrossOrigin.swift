import ApusExchange
import ApusHTTP
import ApusTransport

/// Pages of other origins: what a route's `cors` says to them (`CrossOriginPolicy`), in the answers to preflights and in
/// every other response.
extension Proxy {
    /// Answers a preflight. Of another request, keeps the lines that its response gets, whoever gives it: the request's
    /// head is gone by then.
    ///
    /// - Parameter policy: an index into `RouteParts.crossOrigins`.
    /// - Returns: `goesOn` for what is not a preflight.
    mutating func applyCrossOrigin(
        _ x: Int, _ policy: Int, _ hand: inout RequestInHand, _ arena: inout BufferArena
    ) -> Next {
        let said = settings.rules.parts.crossOrigins[policy].answer(to: &hand, arena.bytes(of: hand.place))
        exchanges[x].variesWithOrigin = !said.isPreflight
        guard said.isPreflight || said.isAllowed else { return .goesOn }
        arena.beginSend()
        if said.isPreflight {
            settings.rules.parts.crossOrigins[policy].writePreflight(said, to: &arena, of: &hand)
        } else {
            settings.rules.parts.crossOrigins[policy].write(said, to: &arena, from: hand.place)
        }
        guard let lines = keepUnsent(of: x, &arena) else {
            return answer(x, .memoryLimit, instead: &hand, &arena)
        }
        guard said.isPreflight else {
            exchanges[x].responseLines = lines
            exchanges[x].filterLineBytes = UInt16(truncatingIfNeeded: lines.count)
            return .goesOn
        }
        skipBody(x, hand.place, headCount: hand.head.end, &arena)
        let closes = prepareAnswer(x, nil, status: 204, &arena)
        arena.append("HTTP/1.1 204 No Content\r\n")
        arena.append(copying: lines.handle, lines.range)
        arena.giveBack(lines.handle)
        return endAnswer(x, closes: closes, body: [], &arena)
    }

}
