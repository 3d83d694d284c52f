public import ApusAddresses
import ApusModel

/// A change of one endpoint while the balancer runs, beside the configuration.
///
/// Pools go by their names, endpoints by what the configuration calls them or by their addresses.
public enum DynamicChange: Sendable, Equatable {
    /// A new endpoint of a pool.
    case add(pool: String, NewEndpoint)
    /// Takes an endpoint out of its pool: it gets nothing more, and what it has may finish.
    case remove(pool: String, endpoint: String)
    /// Another weight, and whether it is drained; nil leaves what is.
    case adjust(pool: String, endpoint: String, weight: Weight?, isDrained: Bool?)

    public struct NewEndpoint: Sendable, Equatable {
        public var address: SocketAddress
        /// 0 to 65,535.
        public var weight: Int
        public var tier: Int
        public var isBackup: Bool
        public var zone: String?

        public init(
            address: SocketAddress, weight: Int = 1, tier: Int = 0, isBackup: Bool = false, zone: String? = nil
        ) {
            self.address = address
            self.weight = weight
            self.tier = tier
            self.isBackup = isBackup
            self.zone = zone
        }
    }

    public enum Weight: Sendable, Equatable {
        /// 0 to 65,535.
        case number(Int)
        /// What the configuration says.
        case asConfigured
    }
}
