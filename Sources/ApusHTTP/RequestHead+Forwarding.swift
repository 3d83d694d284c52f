/// What Apus adds to a request that it forwards, beyond what the client sent, and what of it somebody else writes.
public struct ForwardedRequest: Sendable {
    /// Whether the client's own X-Forwarded-* and Forwarded fields are kept and extended, instead of replaced.
    public var isTrusted: Bool
    /// The listener's port, which a client that names no host asked for.
    public var ownPort: UInt16
    /// Whether the client's connection speaks TLS.
    public var isSecure: Bool
    /// Whether Via tells the origin that the request came through Apus (RFC 9110 section 7.6.3, which asks for it of every
    /// proxy; docs/design/0025 says why it is left out).
    public var saysVia: Bool
    /// The mark by which the sender knows a request that comes back to it; nil for none.
    public var mark: LoopMark?
    /// Whether the caller writes lines of its own that tell of the client's certificate.
    public var tellsCertificate: Bool
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
        /// X-Forwarded-For, -Proto, -Host and -Port, each left out.
        @inlinable public static var forwardedFor: Rewrites { Rewrites(rawValue: 8) }
        @inlinable public static var forwardedProto: Rewrites { Rewrites(rawValue: 16) }
        @inlinable public static var forwardedHost: Rewrites { Rewrites(rawValue: 32) }
        @inlinable public static var forwardedPort: Rewrites { Rewrites(rawValue: 64) }
        /// The end of X-Forwarded-Prefix, which is left out otherwise.
        @inlinable public static var prefix: Rewrites { Rewrites(rawValue: 128) }
    }

    /// What `rewritten` is asked to write.
    public enum Part: Sendable { case target, host, fields, prefix, certificate }

    @inlinable
    public init(
        isTrusted: Bool, ownPort: UInt16 = 0, isSecure: Bool = false, saysVia: Bool = false, mark: LoopMark? = nil,
        tellsCertificate: Bool = false, rewrites: Rewrites = []
    ) {
        self.isTrusted = isTrusted
        self.ownPort = ownPort
        self.isSecure = isSecure
        self.saysVia = saysVia
        self.mark = mark
        self.tellsCertificate = tellsCertificate
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
        var others = KnownField.Set.hopByHop
        if replacesHost { others.insert(KnownField.Set(.host)) }
        others.formUnion(forwarding.isTrusted ? KnownField.Set(.forwardedFor) : .claims)
        if rewrites.contains(.prefix) { others.insert(KnownField.Set(.forwardedPrefix)) }
        sink.append(fields, without: others)
        if rewrites.contains(.host) {
            sink.append("Host: ")
            rewritten(.host, &sink)
            sink.append("\r\n")
        } else {
            writeHost(to: &sink, ownAddress)
        }
        writeForwarding(forwarding, fields, to: &sink, clientAddress)
        if rewrites.contains(.prefix) { writePrefix(forwarding, fields, to: &sink, rewritten) }
        if hopsLeft > 0 {
            sink.append("Max-Forwards: ")
            sink.append(decimal: UInt64(hopsLeft - 1))
            sink.append("\r\n")
        }
        if rewrites.contains(.fields) { rewritten(.fields, &sink) }
        if forwarding.tellsCertificate { rewritten(.certificate, &sink) }
        if forwarding.saysVia { sink.append(version == .http11 ? "Via: 1.1 apus\r\n" : "Via: 1.0 apus\r\n") }
        if framing == .chunked { sink.append("Transfer-Encoding: chunked\r\n") }
        if expectsContinue { sink.append("Expect: 100-continue\r\n") }
        if acceptsTrailers { sink.append("TE: trailers\r\nConnection: TE\r\n") }
        guard let mark = forwarding.mark else { return sink.append("\r\n") }
        sink.append(lineOf: mark)
    }

    @inlinable
    func writeTarget<Sink: HeadSink & ~Copyable>(to sink: inout Sink) {
        if target.form == .absolute, target.path.isEmpty {
            sink.append(impliedPath)
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
        let authority = target.form == .absolute ? target.authority : hostField
        guard !forwarding.isTrusted, !authority.isEmpty, forwarding.rewrites.isDisjoint(with: .ownFields) else {
            return writeForwardingInParts(forwarding, fields, to: &sink, authority, clientAddress)
        }
        sink.append("X-Forwarded-For: ")
        clientAddress(&sink)
        if forwarding.isSecure {
            sink.append("\r\nX-Forwarded-Proto: https\r\nX-Forwarded-Port: ")
            if port.isEmpty { sink.append("443") } else { sink.append(input: port) }
        } else {
            sink.append("\r\nX-Forwarded-Proto: http\r\nX-Forwarded-Port: ")
            if port.isEmpty { sink.append("80") } else { sink.append(input: port) }
        }
        sink.append("\r\nX-Forwarded-Host: ")
        sink.append(input: authority)
        sink.append("\r\n")
    }

    @inlinable @inline(never)
    func writeForwardingInParts<Sink: HeadSink & ~Copyable>(
        _ forwarding: ForwardedRequest, _ fields: borrowing FieldTable, to sink: inout Sink, _ authority: Range<Int>,
        _ clientAddress: (inout Sink) -> Void
    ) {
        let rewrites = forwarding.rewrites
        if !rewrites.contains(.forwardedFor) { sink.append("X-Forwarded-For: ") }
        var told = KnownField.Set()
        if forwarding.isTrusted {
            for index in 0..<fields.count where !fields[index].isDropped {
                told.insert(KnownField.Set(fields[index].field))
                guard fields[index].field == .forwardedFor, !rewrites.contains(.forwardedFor),
                    !fields[index].value.isEmpty
                else { continue }
                sink.append(input: fields[index].value)
                sink.append(", ")
            }
        }
        if !rewrites.contains(.forwardedFor) {
            clientAddress(&sink)
            sink.append("\r\n")
        }
        let (tellsHost, tellsProto) = (told.contains(.forwardedHost), told.contains(.forwardedProto))
        if !tellsProto, !rewrites.contains(.forwardedProto) {
            sink.append(forwarding.isSecure ? "X-Forwarded-Proto: https\r\n" : "X-Forwarded-Proto: http\r\n")
        }
        // A proxy that tells the rest and not the port knows more of it than what Host and the listener say.
        if !tellsHost, !tellsProto, !told.contains(.forwardedPort), !rewrites.contains(.forwardedPort) {
            writePort(forwarding, to: &sink)
        }
        if !tellsHost, !authority.isEmpty, !rewrites.contains(.forwardedHost) {
            sink.append("X-Forwarded-Host: ")
            sink.append(input: authority)
            sink.append("\r\n")
        }
    }

    /// Writes the port that the client connected to, as far as it is known: the one that it names beside the host, or the
    /// scheme's, since it would name any other (RFC 9110 section 7.2); of a client that names no host, the listener's.
    @inlinable
    func writePort<Sink: HeadSink & ~Copyable>(_ forwarding: ForwardedRequest, to sink: inout Sink) {
        guard port.isEmpty else {
            sink.append("X-Forwarded-Port: ")
            sink.append(input: port)
            return sink.append("\r\n")
        }
        let known = host.isEmpty ? forwarding.ownPort : forwarding.isSecure ? 443 : 80
        guard known > 0 else { return }
        sink.append("X-Forwarded-Port: ")
        sink.append(decimal: UInt64(known))
        sink.append("\r\n")
    }

    /// Writes the prefix that was taken off the path, behind those that trusted proxies took off before.
    @inlinable
    func writePrefix<Sink: HeadSink & ~Copyable>(
        _ forwarding: ForwardedRequest, _ fields: borrowing FieldTable, to sink: inout Sink,
        _ rewritten: (ForwardedRequest.Part, inout Sink) -> Void
    ) {
        sink.append("X-Forwarded-Prefix: ")
        var isFirst = true
        for index in 0..<fields.count where forwarding.isTrusted && fields[index].field == .forwardedPrefix {
            guard !fields[index].isDropped, !fields[index].value.isEmpty else { continue }
            if !isFirst { sink.append(", ") }
            sink.append(input: fields[index].value)
            isFirst = false
        }
        rewritten(.prefix, &sink)
        sink.append("\r\n")
    }
}

extension ForwardedRequest.Rewrites {
    /// Those that leave out a field of Apus's own.
    @inlinable static var ownFields: Self { [.forwardedFor, .forwardedProto, .forwardedHost, .forwardedPort] }
}
