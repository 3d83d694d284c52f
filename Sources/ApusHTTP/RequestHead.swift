/// The head of a request: what a proxy needs to know of it, as values and as offsets into the bytes that were parsed.
///
/// The field lines themselves are in the `FieldTable` that the parser filled; both are valid for as long as the bytes
/// are where they were.
public struct RequestHead: Sendable {
    public var line: RequestLine
    public var target: RequestTarget
    public var framing: BodyFraming
    /// Whether the client will take another response on this connection.
    public var keepsAlive: Bool
    /// Whether the client waits for 100 (Continue) before it sends the body (RFC 9110 section 10.1.1).
    public var expectsContinue: Bool
    /// Whether the client said that it takes trailers (RFC 9110 section 10.1.4).
    public var acceptsTrailers: Bool
    /// Whether Authorization has a scheme that authenticates the connection: NTLM, or Negotiate.
    public var authenticatesConnection: Bool
    /// The Max-Forwards of a TRACE or OPTIONS request (RFC 9110 section 7.6.2): 0 is answered, not forwarded; more is
    /// forwarded as one less. -1 where there is none, it is no number, or the method is another.
    public var hopsLeft: Int
    /// Whether Connection names fields, which must then not go on as trailers either (RFC 9110 section 7.6.1).
    public var namesFields: Bool
    /// The value of Host; empty when there is none.
    public var hostField: Range<Int>
    /// The host that the request is for, without its port: the target's, if it names one, or else that of Host.
    public var host: Range<Int>
    /// The digits of the port behind `host`, without leading zeros; empty if there is none.
    public var port: Range<Int>
    /// Behind the empty line: where the body starts.
    public var end: Int

    public var method: Method { line.method }
    public var version: Version { line.version }

    /// Whether it asks about the server as a whole: `OPTIONS *`, which a client of a proxy writes as `OPTIONS http://host`
    /// (RFC 9112 section 3.2.4).
    @inlinable
    public var isForServer: Bool {
        switch target.form {
        case .origin: false
        case .asterisk: true
        case .absolute: line.method == .options && target.pathAndQuery.isEmpty
        }
    }

    /// What stands for the path of a target that has none: `http://host` asks for `/`, and for `*` with OPTIONS
    /// (RFC 9112 sections 3.2.1 and 3.2.4).
    @inlinable public var impliedPath: UInt8 { isForServer ? UInt8(ascii: "*") : UInt8(ascii: "/") }

    /// The head of no request, until one has been parsed.
    public init() {
        line = RequestLine(method: .other, version: .http11, methodRange: 0..<0, target: 0..<0, end: 0)
        target = RequestTarget()
        framing = .none
        keepsAlive = false
        expectsContinue = false
        acceptsTrailers = false
        authenticatesConnection = false
        hopsLeft = -1
        namesFields = false
        hostField = 0..<0
        host = 0..<0
        port = 0..<0
        end = 0
    }
}

extension RequestHead {
    /// Parses the request head at the start of `bytes` (RFC 9112 sections 2 to 6), filling `fields`.
    ///
    /// Refuses whatever two implementations could read in two ways. The answer depends on the bytes alone, never on
    /// how they were cut: call it again, from the start, when more have come. Cost: one pass over the head.
    ///
    /// - Returns: nil when the head has not arrived whole.
    /// - Throws: the reason why the request is refused; `Reason.status` has the response's status.
    public static func parse(
        _ bytes: Span<UInt8>, limits: HeadLimits, into fields: inout FieldTable
    ) throws(Reason) -> RequestHead? {
        guard let (line, target, end) = try parts(of: bytes, limits, &fields) else { return nil }
        return try RequestHead(bytes, line, target, end, &fields)
    }

    /// Parses a head into this one, which spares copies; otherwise as the other.
    ///
    /// - Returns: false when the head has not arrived whole; then this one stays as it was.
    public mutating func parse(
        _ bytes: Span<UInt8>, limits: HeadLimits, into fields: inout FieldTable
    ) throws(Reason) -> Bool {
        guard let (line, target, end) = try Self.parts(of: bytes, limits, &fields) else { return false }
        self = try RequestHead(bytes, line, target, end, &fields)
        return true
    }

    /// The first line, the target in it, and where the head ends; the fields are in their table.
    @inline(__always)
    private static func parts(
        of bytes: Span<UInt8>, _ limits: HeadLimits, _ fields: inout FieldTable
    ) throws(Reason) -> (RequestLine, RequestTarget, Int)? {
        let isCut = bytes.count >= limits.bytes
        let visible = isCut ? bytes.extracting(0..<limits.bytes) : bytes
        guard let line = try RequestLine.parse(visible, limits) else {
            if isCut { throw .headTooLarge }
            return nil
        }
        if line.method == .connect { throw .methodNotAllowed }
        let target = try RequestTarget(visible, line)
        guard let end = try fields.parseSection(visible, from: line.end, limit: limits.fields, of: .request) else {
            if isCut { throw .headTooLarge }
            return nil
        }
        return (line, target, end)
    }

    private init(
        _ bytes: Span<UInt8>, _ line: RequestLine, _ target: RequestTarget, _ end: Int, _ fields: inout FieldTable
    ) throws(Reason) {
        let message = try MessageFields(bytes, &fields)
        self.line = line
        self.target = target
        self.end = end
        framing = try Self.framing(message, line.version)
        keepsAlive = message.keepsAlive(line.version)
        expectsContinue = false
        acceptsTrailers = false
        authenticatesConnection = false
        hopsLeft = -1
        namesFields = message.namesFields
        hostField = 0..<0
        host = target.authorityHost
        port = target.form == .absolute ? Authority.port(bytes, target.authority, behind: host) : 0..<0
        try readRequestFields(bytes, &fields)
    }

    private mutating func readRequestFields(_ bytes: Span<UInt8>, _ fields: inout FieldTable) throws(Reason) {
        var hasHost = false
        for index in 0..<fields.count {
            let line = fields[index]
            switch line.field {
            case .host:
                if hasHost { throw .repeatedHost }
                hasHost = true
                guard let named = Authority.host(bytes, line.value) else { throw .badHost }
                hostField = line.value
                guard target.form != .absolute else { continue }
                host = named
                port = Authority.port(bytes, line.value, behind: named)
            case .expect:
                try readExpect(bytes, line.value)
                // It is written anew, for an origin's answer to HTTP/1.1 alone.
                fields.drop(index)
            case .te:
                forEachElement(of: bytes, in: line.value) { coding in
                    if bytes.equalsIgnoringCase(coding, "trailers") { acceptsTrailers = true }
                }
            case .authorization:
                if bytes.namesConnectionScheme(line.value) { authenticatesConnection = true }
            case .maxForwards where method == .trace || method == .options:
                // Too many digits for a number are more hops than there are.
                guard let hops = decimal(bytes, line.value) else { continue }
                let limit = Int(truncatingIfNeeded: min(hops, UInt64(Int32.max)))
                hopsLeft = hopsLeft < 0 ? limit : min(hopsLeft, limit)
                fields.drop(index)
            default: continue
            }
        }
        if !hasHost, version == .http11 { throw .missingHost }
    }

    private mutating func readExpect(_ bytes: Span<UInt8>, _ value: Range<Int>) throws(Reason) {
        // HTTP/1.0 has no interim responses to wait for.
        guard version == .http11 else { return }
        try forEachElement(of: bytes, in: value) { (expectation) throws(Reason) in
            guard bytes.equalsIgnoringCase(expectation, "100-continue") else { throw .expectationFailed }
            expectsContinue = true
        }
    }

    private static func framing(_ message: MessageFields, _ version: Version) throws(Reason) -> BodyFraming {
        guard message.hasTransferEncoding else {
            return message.contentLength.map { $0 == 0 ? .none : .length($0) } ?? .none
        }
        if version == .http10 { throw .transferEncodingInHTTP10 }
        if message.contentLength != nil { throw .contentLengthWithTransferEncoding }
        if message.isTransferEncodingMalformed || message.repeatsChunked || !message.isChunked {
            throw .badTransferEncoding
        }
        if message.hasOtherCoding { throw .unsupportedTransferCoding }
        return .chunked
    }
}
