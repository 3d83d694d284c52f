import ApusAddresses
import ApusExchange
import ApusHTTP
import ApusTransport

/// Rewriting: what a route changes of the heads that pass.
extension Proxy {
    // MARK: Requests

    /// Begins a send with the head as the origin will get it, with what the exchange's route changes of it, and keeps what
    /// that adds to the response: the request's head is gone when the response comes.
    ///
    /// - Throws: why it cannot be sent (`RequestRules.writeForwarded`).
    mutating func writeRewritten(
        _ x: Int, _ hand: inout RequestInHand, _ arena: inout BufferArena
    ) throws(Reason) {
        guard let path = templatePath(x, &hand, &arena) else { throw .memoryLimit }
        defer { release(path, of: &hand, &arena) }
        let route = exchanges[x].route
        let arrival = arrival(x)
        var filling = TemplateFilling(&hand, path: path, route: route, arrival, by: settings.rules, arena)
        if try settings.rules.writeResponseFields(of: route, &filling, to: &arena) {
            guard let kept = keepUnsent(of: x, behind: exchanges[x].responseLines, &arena) else { throw .memoryLimit }
            exchanges[x].responseLines = kept
        }
        let peer = connections[exchanges[x].client].peer
        let listener = ownAddress(x, &hand)
        try settings.rules.writeForwarded(
            &hand, by: route, &filling, arrival, ownPort: listener.port, to: &arena,
            clientAddress: { $0.append(peer) }, ownAddress: { $0.append(authority: listener) },
            certificate: identity(of: exchanges[x].client)?.lines ?? [])
    }

    // MARK: Responses

    /// Has those fields left out that the exchange's route takes from responses.
    ///
    /// - Returns: whether the response must be told to vary with the origin of requests.
    mutating func editResponse(_ x: Int, _ bytes: Span<UInt8>) -> Bool {
        settings.rules.parts.drop(
            settings.rules.routes[exchanges[x].route].responseNames, from: &scratch.responseFields, in: bytes)
        return exchanges[x].variesWithOrigin && !scratch.responseFields.variesWithOrigin(in: bytes)
    }

    /// Whether the exchange's route decides on the Date field of responses.
    mutating func writesDate(_ x: Int) -> Bool {
        for index in settings.rules.routes[exchanges[x].route].responseNames.range {
            let name = settings.rules.parts.names[index]
            if name.span.equalsIgnoringCase(0..<name.count, "date") { return true }
        }
        return false
    }

    /// Appends what the exchange's route and its filters add to responses of origins.
    ///
    /// - Parameter namesOrigin: the response does not say yet that it varies with the origin of requests, and must.
    func appendResponseLines(_ x: Int, namesOrigin: Bool, _ arena: inout BufferArena) {
        if namesOrigin { arena.append(CrossOriginPolicy.varyLine) }
        let kept = exchanges[x].responseLines
        if !kept.isEmpty { arena.append(copying: kept.handle, kept.range) }
        guard kept.count == Int(exchanges[x].filterLineBytes) else { return }
        let lines = settings.rules.routes[exchanges[x].route].responseLines
        guard lines.isLiteral else { return }
        for index in lines.range {
            let piece = settings.rules.parts.templates.pieces[index]
            let text = settings.rules.parts.templates.text
            arena.append(text.span.extracting(Int(piece.start)..<Int(piece.end)))
        }
    }
}
