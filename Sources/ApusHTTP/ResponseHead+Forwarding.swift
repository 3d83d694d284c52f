/// How a response's body travels to the client, and what its head says of the connection.
public struct ForwardedResponse: Sendable {
    /// Whether the body is sent in chunks of Apus's own making.
    public var isChunked: Bool
    /// What the Connection field says; nil leaves it out, which is what a version's default needs.
    public var connection: ConnectionOption?
    /// Whether the origin's Apus-Reason goes on.
    public var keepsReason: Bool

    public enum ConnectionOption: Sendable { case close, keepAlive }

    @inlinable
    public init(isChunked: Bool, connection: ConnectionOption?, keepsReason: Bool = false) {
        self.isChunked = isChunked
        self.connection = connection
        self.keepsReason = keepsReason
    }
}

extension ResponseHead {
    /// Writes this response as it goes to the client: end-to-end fields only, framed as `forwarded` says.
    ///
    /// - Parameter ownFields: writes whole lines that Apus adds.
    @inlinable
    public func write<Sink: HeadSink & ~Copyable>(
        forwarded: ForwardedResponse, fields: borrowing FieldTable, to sink: inout Sink,
        ownFields: (inout Sink) -> Void = { _ in }
    ) {
        sink.append("HTTP/1.1 ")
        sink.append(decimal: UInt64(status))
        sink.append(UInt8(0x20))
        sink.append(input: phrase)
        sink.append("\r\n")
        sink.append(
            fields, without: forwarded.keepsReason ? .hopByHop : .hopByHop.union(KnownField.Set(.apusReason)))
        ownFields(&sink)
        if forwarded.isChunked { sink.append("Transfer-Encoding: chunked\r\n") }
        switch forwarded.connection {
        case .close: sink.append("Connection: close\r\n")
        case .keepAlive: sink.append("Connection: keep-alive\r\n")
        case nil: break
        }
        sink.append("\r\n")
    }
}
