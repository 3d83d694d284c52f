/// What a route asks of the request's path (the target without its query).
public enum PathPattern: Sendable, Equatable {
    case any
    case exact([UInt8])
    /// This path and everything below it, by whole segments: `/v1` matches `/v1` and `/v1/x`, never `/v10`.
    case prefix([UInt8])
}
