/// Which of a host name's addresses are used.
public enum AddressFamily: String, Sendable, CaseIterable {
    /// Its IPv4 addresses; where it has none, its IPv6 addresses. Origins that have both rarely listen on IPv6 only.
    case auto
    case ipv4
    case ipv6
}
