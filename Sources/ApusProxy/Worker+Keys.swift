import ApusBalancing
import ApusHTTP
import ApusModel
import ApusTransport

/// Keys: what of a request's head decides where in its pool it goes, and whether it may.
extension Worker {
    mutating func readKeys(
        _ x: Int, _ head: RequestHead, _ stretch: Stretch, _ arena: borrowing BufferArena
    ) {
    }
}
