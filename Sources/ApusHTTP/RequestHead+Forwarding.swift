/// What Apus adds to a request that it forwards, beyond what the client sent.
public struct ForwardedRequest: Sendable {
    /// Whether the client's own X-Forwarded-* and Forwarded fields are kept and extended, instead of replaced.
    public var isTrusted: Bool

    @inlinable
    public init(isTrusted: Bool) { self.isTrusted = isTrusted }
}

extension RequestHead {
    /// Writes this request as it goes to the origin: HTTP/1.1, origin-form, end-to-end fields only, with the fields
    /// that a gateway adds (RFC 9110 sections 7.6.1 and 7.6.3).
    ///
    /// - Parameters:
    ///   - fields: the table that `parse` filled.
    ///   - clientAddress: writes the client's address, for X-Forwarded-For.
    ///   - ownAddress: writes the listener's address, the host of an HTTP/1.0 request that names none.
    @inlinable
    public func write<Sink: HeadSink & ~Copyable>(
        forwarding: ForwardedRequest, fields: borrowing FieldTable, to sink: inout Sink,
        clientAddress: (inout Sink) -> Void, ownAddress: (inout Sink) -> Void
    ) {
        sink.append(input: line.methodRange)
        sink.append(UInt8(0x20))
        writeTarget(to: &sink)
        sink.append(" HTTP/1.1\r\n")
        let replacesHost = target.form == .absolute
        let isTrusted = forwarding.isTrusted
        sink.append(fields) { field in
            switch field {
            case .other: true
            case .host: !replacesHost
            default: !field.isHopByHop && (isTrusted ? field != .forwardedFor : !field.isForwarding)
            }
        }
        writeHost(to: &sink, ownAddress)
        writeForwarding(forwarding, fields, to: &sink, clientAddress)
        sink.append(version == .http11 ? "Via: 1.1 apus\r\n" : "Via: 1.0 apus\r\n")
        if framing == .chunked { sink.append("Transfer-Encoding: chunked\r\n") }
        if acceptsTrailers { sink.append("TE: trailers\r\nConnection: TE\r\n") }
        sink.append("\r\n")
    }

    @inlinable
    func writeTarget<Sink: HeadSink & ~Copyable>(to sink: inout Sink) {
        if target.form == .absolute, target.path.isEmpty {
            // An absolute-form target without a path (RFC 9112 sections 3.2.1 and 3.2.4).
            sink.append(method == .options && target.pathAndQuery.isEmpty ? "*" : "/")
        }
        sink.append(input: target.pathAndQuery)
    }

    @inlinable
    func writeHost<Sink: HeadSink & ~Copyable>(to sink: inout Sink, _ ownAddress: (inout Sink) -> Void) {
        if target.form == .absolute {
            sink.append("Host: ")
            sink.append(input: target.authority)
        } else if hostField.isEmpty {
            sink.append("Host: ")
            ownAddress(&sink)
        } else {
            return
        }
        sink.append("\r\n")
    }

    @inlinable
    func writeForwarding<Sink: HeadSink & ~Copyable>(
        _ forwarding: ForwardedRequest, _ fields: borrowing FieldTable, to sink: inout Sink,
        _ clientAddress: (inout Sink) -> Void
    ) {
        var (hasHost, hasProto) = (false, false)
        sink.append("X-Forwarded-For: ")
        if forwarding.isTrusted {
            for index in 0..<fields.count {
                switch fields[index].field {
                case .forwardedFor:
                    sink.append(input: fields[index].value)
                    sink.append(", ")
                case .forwardedHost: hasHost = true
                case .forwardedProto: hasProto = true
                default: continue
                }
            }
        }
        clientAddress(&sink)
        sink.append("\r\n")
        if !hasProto { sink.append("X-Forwarded-Proto: http\r\n") }
        let authority = target.form == .absolute ? target.authority : hostField
        if !hasHost, !authority.isEmpty {
            sink.append("X-Forwarded-Host: ")
            sink.append(input: authority)
            sink.append("\r\n")
        }
    }
}
