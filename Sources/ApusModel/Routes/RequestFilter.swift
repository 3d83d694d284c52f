package import ApusHTTP

/// Looks at a route's requests before they go on: it lets one go on, answers it, or says so later.
///
/// It is asked on a worker's thread, once for each request, so that it must not block; several workers ask at once. What
/// it borrows is the request's head as it was received, without what only trusted proxies may say.
package protocol RequestFilter: AnyObject, Sendable {
    /// - Parameter question: the handle by which a decision that comes later finds the request.
    func look(
        at head: RequestHead, _ fields: borrowing FieldTable, _ bytes: Span<UInt8>, _ question: FilterQuestion
    ) -> FilterVerdict
}

/// What a filter says at once.
package enum FilterVerdict: Sendable, Equatable {
    case decided(FilterDecision)
    /// The request waits, for as long as a response may take, until the question is answered.
    case later
}

package enum FilterDecision: Sendable, Equatable {
    /// The request goes on to the next filter, or to where its route leads.
    case proceed
    /// The client gets this, and nothing goes on.
    case answer(FixedResponse)
}

/// A question that a filter was asked: which worker's, about which request, and which one about that.
///
/// It can be answered from any thread, at any time, and as often as one likes: an answer that nobody waits for, since it
/// was given before, or the request is over, does nothing.
package struct FilterQuestion: Sendable {
    private let asker: any FilterAsker
    private let exchange: UInt64
    private let number: UInt16

    package init(by asker: any FilterAsker, exchange: UInt64, number: UInt16) {
        self.asker = asker
        self.exchange = exchange
        self.number = number
    }

    package func answer(_ decision: FilterDecision) {
        asker.hear(decision, exchange: exchange, number: number)
    }
}

/// Who asks filters, and hears what they decide later.
package protocol FilterAsker: AnyObject, Sendable {
    func hear(_ decision: FilterDecision, exchange: UInt64, number: UInt16)
}

/// A filter as one of a route's rules: the same only as itself.
package struct RouteFilter: Sendable, Equatable {
    package let filter: any RequestFilter

    package init(_ filter: any RequestFilter) { self.filter = filter }

    package static func == (one: RouteFilter, other: RouteFilter) -> Bool { one.filter === other.filter }
}
