/// What a route asks of the request's host.
public enum HostPattern: Sendable, Hashable {
    case any
    /// Exactly this host: lower case, without a port, an IPv6 address in brackets.
    case exact([UInt8])
    /// Any host that ends in this suffix, such as `.example.com` for `*.example.com`: lower case, with its dot.
    case suffix([UInt8])
}

extension HostPattern {
    /// Whether `host` is what this pattern asks for: a host as received, without its port, in any case
    /// (RFC 9110 section 4.2.3). A final dot, which names the same host (RFC 1034 section 3.1), is overlooked.
    ///
    /// A suffix stands for one label or more: `.example.com` matches `a.b.example.com`, never `.example.com` itself.
    public func matches(_ host: Span<UInt8>) -> Bool {
        switch self {
        case .any: true
        case .exact(let name): hostEquals(host, name.span)
        case .suffix(let suffix): hostEnds(host, in: suffix.span)
        }
    }
}

@usableFromInline
func hostEquals(_ host: Span<UInt8>, _ name: Span<UInt8>) -> Bool {
    let count = countWithoutRootDot(host)
    return count == name.count && equalsLowercased(host, from: 0, name)
}

@usableFromInline
func hostEnds(_ host: Span<UInt8>, in suffix: Span<UInt8>) -> Bool {
    let count = countWithoutRootDot(host)
    return count > suffix.count && equalsLowercased(host, from: count - suffix.count, suffix)
}

func countWithoutRootDot(_ host: Span<UInt8>) -> Int {
    let count = host.count
    return count > 1 && host[count - 1] == UInt8(ascii: ".") ? count - 1 : count
}

/// Whether the bytes of `host` from `start` on begin with `name`, upper-case ASCII letters taken as lower case.
func equalsLowercased(_ host: Span<UInt8>, from start: Int, _ name: Span<UInt8>) -> Bool {
    for index in name.indices {
        if lowercasedLetter(host[start + index]) != name[index] { return false }
    }
    return true
}

/// `byte`, if it is an upper-case ASCII letter, in lower case.
func lowercasedLetter(_ byte: UInt8) -> UInt8 { byte &- UInt8(ascii: "A") < 26 ? byte | 0x20 : byte }
