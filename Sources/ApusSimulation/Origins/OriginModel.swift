/// What the modelled origins are like: all the same, until a fault strikes one.
public struct OriginModel: Sendable, Equatable {
    public var service: ServiceTime
    /// Requests that it works on at once; the others queue inside it, first come first served.
    public var capacity: Int
    /// From balancer to origin, and as long back, in microseconds.
    public var networkDelay: VirtualTime

    public init(service: ServiceTime = ServiceTime(), capacity: Int = 64, networkDelay: VirtualTime = 250) {
        self.service = service
        self.capacity = capacity
        self.networkDelay = networkDelay
    }
}
