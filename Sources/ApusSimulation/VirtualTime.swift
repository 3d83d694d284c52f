/// Microseconds since a simulation began.
public typealias VirtualTime = Int64
