/// Microseconds since a simulation began.
public typealias VirtualTime = Int64

extension Duration {
    /// In microseconds, rounded towards zero.
    var microseconds: VirtualTime {
        let (seconds, attoseconds) = components
        return seconds * 1_000_000 + attoseconds / 1_000_000_000_000
    }
}
