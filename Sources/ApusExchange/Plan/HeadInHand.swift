public import ApusHTTP

/// The head of the request that is being looked at: what the parser found in it, where its bytes are, and its fields.
///
/// One value for as long as a head is in hand: until what is forwarded of it has been written. It is passed along, never
/// copied, and used again for the next head, so that parsing allocates nothing. It goes by `inout` also where it is only
/// read: borrowed from what is `inout` itself, it would be copied to the stack for each call (Swift 6.3).
public struct HeadInHand<Place: BitwiseCopyable>: ~Copyable {
    public var head = RequestHead()
    /// Where the bytes are that were parsed, in the words of the desk that holds them (`PlanDesk`).
    public var place: Place
    public var fields = FieldTable()

    /// A hand that is empty.
    public init(place: Place) { self.place = place }

    /// Takes the head of a request into the hand.
    ///
    /// - Parameter bytes: what came of it, which is at `place`.
    /// - Returns: false when it has not arrived whole.
    /// - Throws: why the request is refused, as `RequestHead.parse`.
    @inlinable
    public mutating func parse(
        _ bytes: Span<UInt8>, at place: Place, limits: HeadLimits
    ) throws(Reason) -> Bool {
        guard try head.parse(bytes, limits: limits, into: &fields) else { return false }
        self.place = place
        return true
    }
}
