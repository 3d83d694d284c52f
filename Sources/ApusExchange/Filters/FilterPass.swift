/// How far a request has come through the filters of its route, and whether it waits for one of them.
///
/// Every question has a number of its own, so that an answer counts once, and only while it is waited for.
@frozen
public struct FilterPass: Sendable, BitwiseCopyable, Equatable {
    @usableFromInline var next: Int8 = 0
    /// A filter has been asked and answers later: the request's head is kept meanwhile.
    public private(set) var isWaiting = false
    @usableFromInline var question: UInt16 = 0

    @inlinable
    public init() {}

    /// The filter to be asked next: its place among those of the route.
    public var place: Int { Int(next) }

    /// A filter is about to be asked.
    ///
    /// - Returns: the number of the question.
    public mutating func asks() -> UInt16 {
        question &+= 1
        return question
    }

    /// The filter that was asked lets the request go on.
    public mutating func proceeds() { next += 1 }

    /// The filter that was asked answers later.
    public mutating func waits() { isWaiting = true }

    /// A question of this number has been answered.
    ///
    /// - Returns: what it means; nil where nobody waits for it.
    public mutating func heard(_ number: UInt16) -> Heard? {
        guard isWaiting, number == question else { return nil }
        isWaiting = false
        if next < 0 {
            next = 0
            return .isOutdated
        }
        next += 1
        return .counts
    }

    public enum Heard: Sendable { case counts, isOutdated }

    /// The route has other filters now: what the one says that is waited for is outdated, and the first is asked next.
    public mutating func startsAgain() {
        if isWaiting { next = -1 } else { next = 0 }
    }

    /// Nothing is waited for any more: the request is answered otherwise.
    public mutating func givesUp() { isWaiting = false }
}
