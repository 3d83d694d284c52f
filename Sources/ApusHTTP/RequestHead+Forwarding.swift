/// What Apus adds to a request that it forwards, beyond what the client sent, and what of it somebody else writes.
public struct ForwardedRequest: Sendable {
    /// Whether the client's own X-Forwarded-* and Forwarded fields are kept and extended, instead of replaced.
    public var isTrusted: Bool
    /// What the caller writes instead, by `rewritten`; nothing, unless a route changes something.
    public var rewrites: Rewrites

    /// Parts of the head that are not taken from the client's.
    public struct Rewrites: OptionSet, Sendable, BitwiseCopyable {
        public let rawValue: UInt8

        @inlinable
        public init(rawValue: UInt8) { self.rawValue = rawValue }

        /// The request target.
        @inlinable public static var target: Rewrites { Rewrites(rawValue: 1) }
        /// The value of Host.
        @inlinable public static var host: Rewrites { Rewrites(rawValue: 2) }
        /// Whole field lines that are added.
        @inlinable public static var fields: Rewrites { Rewrites(rawValue: 4) }
        /// X-Forwarded-For, -Proto and -Host, each left out.
        @inlinable public static var forwardedFor: Rewrites { Rewrites(rawValue: 8) }
        @inlinable public static var forwardedProto: Rewrites { Rewrites(rawValue: 16) }
        @inlinable public static var forwardedHost: Rewrites { Rewrites(rawValue: 32) }
    }

    /// What `rewritten` is asked to write.
    public enum Part: Sendable { case target, host, fields }

    @inlinable
    public init(isTrusted: Bool, rewrites: Rewrites = []) {
        self.isTrusted = isTrusted
        self.rewrites = rewrites
    }
}

extension RequestHead {
    /// Writes this request as it goes to the origin: HTTP/1.1, origin-form, end-to-end fields only, with the fields
    /// that a gateway adds (RFC 9110 sections 7.6.1 and 7.6.3).
    ///
    /// - Parameters:
    ///   - fields: the table that `parse` filled.
    ///   - clientAddress: writes the client's address, for X-Forwarded-For.
    ///   - ownAddress: writes the listener's address, the host of an HTTP/1.0 request that names none.
    ///   - rewritten: writes those parts that `forwarding` names.
    @inlinable
    public func write<Sink: HeadSink & ~Copyable>(
        forwarding: ForwardedRequest, fields: borrowing FieldTable, to sink: inout Sink,
        clientAddress: (inout Sink) -> Void, ownAddress: (inout Sink) -> Void,
        rewritten: (ForwardedRequest.Part, inout Sink) -> Void = { _, _ in }
    ) {
        let rewrites = forwarding.rewrites
        sink.append(input: line.methodRange)
        sink.append(UInt8(0x20))
        if rewrites.contains(.target) { rewritten(.target, &sink) } else { writeTarget(to: &sink) }
        sink.append(" HTTP/1.1\r\n")
        let replacesHost = target.form == .absolute || rewrites.contains(.host)
        let isTrusted = forwarding.isTrusted
        sink.append(fields) { field in
            switch field {
            case .other: true
            case .host: !replacesHost
            default: !field.isHopByHop && (isTrusted ? field != .forwardedFor : !field.isForwarding)
            }
        }
        if rewrites.contains(.host) {
            sink.append("Host: ")
            rewritten(.host, &sink)
            sink.append("\r\n")
        } else {
            writeHost(to: &sink, ownAddress)
        }
        writeForwarding(forwarding, fields, to: &sink, clientAddress)
        if hopsLeft > 0 {
            sink.append("Max-Forwards: ")
            sink.append(decimal: UInt64(hopsLeft - 1))
            sink.append("\r\n")
        }
        if rewrites.contains(.fields) { rewritten(.fields, &sink) }
        sink.append(version == .http11 ? "Via: 1.1 apus\r\n" : "Via: 1.0 apus\r\n")
        if framing == .chunked { sink.append("Transfer-Encoding: chunked\r\n") }
        if acceptsTrailers { sink.append("TE: trailers\r\nConnection: TE\r\n") }
        sink.append("\r\n")
    }

    @inlinable
    func writeTarget<Sink: HeadSink & ~Copyable>(to sink: inout Sink) {
        if target.form == .absolute, target.path.isEmpty {
            // An absolute-form target without a path (RFC 9112 sections 3.2.1 and 3.2.4).
            sink.append(isForServer ? "*" : "/")
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
        let rewrites = forwarding.rewrites
        var (hasHost, hasProto) = (rewrites.contains(.forwardedHost), rewrites.contains(.forwardedProto))
        if !rewrites.contains(.forwardedFor) { sink.append("X-Forwarded-For: ") }
        if forwarding.isTrusted {
            for index in 0..<fields.count {
                switch fields[index].field {
                case .forwardedFor where !rewrites.contains(.forwardedFor):
                    sink.append(input: fields[index].value)
                    sink.append(", ")
                case .forwardedHost: hasHost = true
                case .forwardedProto: hasProto = true
                default: continue
                }
            }
        }
        if !rewrites.contains(.forwardedFor) {
            clientAddress(&sink)
            sink.append("\r\n")
        }
        if !hasProto { sink.append("X-Forwarded-Proto: http\r\n") }
        let authority = target.form == .absolute ? target.authority : hostField
        if !hasHost, !authority.isEmpty {
            sink.append("X-Forwarded-Host: ")
            sink.append(input: authority)
            sink.append("\r\n")
        }
    }
}
