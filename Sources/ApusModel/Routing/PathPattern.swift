/// What a route asks of the request's path (the target without its query).
public enum PathPattern: Sendable, Equatable {
    case any
    case exact([UInt8])
    /// This path and everything below it, by whole segments: `/v1` matches `/v1` and `/v1/x`, never `/v10`.
    case prefix([UInt8])
}

extension PathPattern {
    /// Whether `path` is what this pattern asks for, byte by byte: paths have case, and nothing is decoded.
    ///
    /// A prefix that ends in a slash matches what lies below it only: `/v1/` matches `/v1/x`, not `/v1`.
    public func matches(_ path: Span<UInt8>) -> Bool {
        switch self {
        case .any: true
        case .exact(let exact): pathEquals(path, exact.span)
        case .prefix(let prefix): pathIsWithin(path, prefix.span)
        }
    }
}

@usableFromInline
func pathEquals(_ path: Span<UInt8>, _ exact: Span<UInt8>) -> Bool {
    path.count == exact.count && pathStarts(path, with: exact)
}

@usableFromInline
func pathIsWithin(_ path: Span<UInt8>, _ prefix: Span<UInt8>) -> Bool {
    let count = prefix.count
    guard pathStarts(path, with: prefix) else { return false }
    if path.count == count { return true }
    return path[count] == .slash || (count > 0 && prefix[count - 1] == .slash)
}

private func pathStarts(_ path: Span<UInt8>, with prefix: Span<UInt8>) -> Bool {
    guard path.count >= prefix.count else { return false }
    for index in prefix.indices where path[index] != prefix[index] { return false }
    return true
}
