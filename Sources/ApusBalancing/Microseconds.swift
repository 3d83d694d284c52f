extension Duration {
    /// Whole microseconds, the unit of every time in this module, rounded towards zero.
    package var inMicroseconds: Int64 {
        let (seconds, attoseconds) = components
        return seconds * 1_000_000 + attoseconds / 1_000_000_000_000
    }
}
