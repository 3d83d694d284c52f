/// What came of writing what rings held.
public struct Drained: Sendable {
    /// Why a destination takes nothing.
    public struct Refusal: Sendable, Equatable {
        /// An errno; 0 where nobody reads what is there already.
        public let errno: Int32
        /// Whether the lines stay in the ring. Otherwise they were thrown away.
        public let keepsLines: Bool

        /// Nobody reads what is there already.
        public static let unread = Refusal(errno: 0, keepsLines: true)

        public init(errno: Int32, keepsLines: Bool) {
            self.errno = errno
            self.keepsLines = keepsLines
        }
    }

    /// Lines that were thrown away.
    public var lost = 0
    /// Why something was not taken; nil where all was.
    public var refusal: Refusal?
    /// Whether something was taken.
    public var tookSome = false

    public init() {}

    /// Adds what came of another ring.
    public mutating func add(_ other: Drained) {
        lost += other.lost
        refusal = other.refusal ?? refusal
        tookSome = tookSome || other.tookSome
    }
}
