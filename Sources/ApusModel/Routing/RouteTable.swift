/// The routes of all listeners, laid out for matching.
@usableFromInline
struct RouteTable: Sendable {
    /// Per listener, whether a route asks for the client's address.
    @usableFromInline let looksAtClient: [Bool]

    init(routes: [Route], listeners: [Range<Int>]) {
        looksAtClient = listeners.map { routes[$0].contains { !$0.match.clients.isEmpty } }
    }
}
