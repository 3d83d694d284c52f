public import ApusAddresses

/// A listener of the admin server: where it listens, whom it lets in, and what they may do.
public struct Admin: Sendable, Equatable {
    public enum Bind: Sendable, Equatable {
        case address(SocketAddress)
        /// A Unix socket, for the process's user and group alone (mode 0660).
        case unix(path: String)
    }

    /// What callers may do. Each role includes the ones before it.
    public enum Role: String, Sendable, CaseIterable, Comparable {
        /// Ask for health and metrics.
        case metrics
        /// Ask for everything.
        case read
        /// Ask for everything, and change it.
        case change

        public static func < (one: Role, other: Role) -> Bool { one.rank < other.rank }

        private var rank: Int {
            switch self {
            case .metrics: 0
            case .read: 1
            case .change: 2
            }
        }
    }

    public var bind: Bind
    public var role: Role
    /// What a caller has to say (RFC 6750); nil for nothing.
    public var token: Secret?
    /// Host names that a request may be for, in lower case, besides IP addresses, `localhost` and the names below it.
    ///
    /// Nil for the default: no other on loopback without a token, and any elsewhere. No effect on a Unix socket.
    public var hosts: [String]?
    /// Files that a configuration which a caller sends may include, take secrets from and log to, beside those that the
    /// running one uses. Those of all listeners count together.
    public var files: [FilePattern]
    /// How it speaks TLS, by the rules of listeners; nil for plain HTTP. A Unix socket has none.
    public var tls: ListenerTLS?

    /// - Parameter role: nil for the most that the listener may grant; see `mostRole`.
    public init(
        bind: Bind, role: Role? = nil, token: Secret? = nil, hosts: [String]? = nil, files: [FilePattern] = [],
        tls: ListenerTLS? = nil
    ) {
        self.bind = bind
        self.role = role ?? Self.mostRole(bind, hasToken: token != nil)
        self.token = token
        self.hosts = hosts
        self.files = files
        self.tls = tls
    }

    public init(
        _ address: SocketAddress, role: Role? = nil, token: Secret? = nil, hosts: [String]? = nil,
        tls: ListenerTLS? = nil
    ) {
        self.init(bind: .address(address), role: role, token: token, hosts: hosts, tls: tls)
    }

    /// The most that a listener may allow, which is its default role.
    ///
    /// Changes need a token or a Unix socket, whatever the address: every program on this machine reaches loopback. Beyond
    /// loopback, reading needs a token too.
    public static func mostRole(_ bind: Bind, hasToken: Bool) -> Role {
        switch bind {
        case .unix: .change
        case .address where hasToken: .change
        case .address(let address): address.ip.isLoopback ? .read : .metrics
        }
    }

    /// What callers really may do: never more than `mostRole`, whatever `role` says.
    public var grantedRole: Role { min(role, Self.mostRole(bind, hasToken: token != nil)) }
}

extension Admin.Bind: CustomStringConvertible {
    /// As a configuration says it: `127.0.0.1:9900`, or `unix:/run/apus/admin.sock`.
    public var description: String {
        switch self {
        case .address(let address): "\(address)"
        case .unix(let path): "unix:\(path)"
        }
    }
}
