import ApusExchange
import ApusTransport

/// The head of a client's request: in the arena, where it was received.
typealias RequestInHand = HeadInHand<Stretch>
