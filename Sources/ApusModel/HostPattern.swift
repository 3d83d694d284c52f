/// What a route asks of the request's host.
public enum HostPattern: Sendable, Equatable {
    case any
    /// Exactly this host: lower case, without a port, an IPv6 address in brackets.
    case exact([UInt8])
    /// Any host that ends in this suffix, such as `.example.com` for `*.example.com`: lower case, with its dot.
    case suffix([UInt8])
}
