/// What a picker asks about the present load of a pool's endpoints.
///
/// The worker answers from the counters that all workers share; a picker reads only the endpoints that it considers,
/// and nothing when its algorithm does not look at load. Indices count within the pool.
public protocol EndpointLoad: ~Copyable, ~Escapable {
    /// Exchanges in flight on the endpoint, over all workers. A sum of counters that other threads are changing may
    /// be off by a few for a moment, even below zero.
    func load(_ index: Int) -> Int

    /// Whether this worker may open no more connections to the endpoint and has none to reuse: it is then passed
    /// over as if it had been tried. Never, unless implemented.
    func isSaturated(_ index: Int) -> Bool

    /// Exchanges in flight on all the endpoints together, over all workers; nil where nobody counts them, which is the
    /// case unless implemented. `HashRules.loadFactor` asks, and otherwise makes do with an estimate.
    var total: Int? { get }
}

extension EndpointLoad where Self: ~Copyable & ~Escapable {
    @inlinable
    public func isSaturated(_ index: Int) -> Bool { false }

    @inlinable
    public var total: Int? { nil }
}
