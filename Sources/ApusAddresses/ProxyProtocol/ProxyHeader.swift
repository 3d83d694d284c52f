/// The header of the PROXY protocol: what a proxy sends before everything else on a connection, to name its client.
public struct ProxyHeader: Sendable, Hashable {
    /// The client's address, and the one that it reached.
    public struct Addresses: Sendable, Hashable {
        public let client: SocketAddress
        public let reached: SocketAddress
    }

    /// Bytes that it has.
    public let end: Int
    /// Nil where it names nobody: the connection is the proxy's own (LOCAL), or its client has no address of TCP (UNKNOWN,
    /// UNSPEC, UNIX, UDP).
    public let addresses: Addresses?

    /// Bytes of a header of version 1 at most, its line end included.
    public static let textLimit = 107
    /// The same of version 2. One could have 64 KiB; those that are sent have some hundred bytes.
    public static let binaryLimit = 4 << 10

    /// The header at the start of what a connection has sent so far.
    ///
    /// - Returns: nil when more must come.
    public static func parse(_ bytes: Span<UInt8>) throws(ProxyHeaderFault) -> ProxyHeader? {
        guard bytes.count > 0 else { return nil }
        return bytes[0] == textStart[0] ? try parseText(bytes) : try parseBinary(bytes)
    }

    /// Whether what was no request, and no TLS either, begins as a header does.
    public static func isAtStart(of bytes: Span<UInt8>) -> Bool {
        if begins(bytes, with: textStart.span) {
            // A method could have that name.
            let family = bytes.extracting(textStart.count..<min(bytes.count, textStart.count + 3))
            return family.count == 3 && (begins(family, with: tcp.span) || begins(family, with: unknown.span))
        }
        return begins(bytes, with: signature.span)
    }

    /// `PROXY `
    static var textStart: InlineArray<6, UInt8> { [0x50, 0x52, 0x4f, 0x58, 0x59, 0x20] }
    private static var tcp: InlineArray<3, UInt8> { [0x54, 0x43, 0x50] }
    private static var unknown: InlineArray<3, UInt8> { [0x55, 0x4e, 0x4b] }
    /// No protocol that is in use begins like that.
    static var signature: InlineArray<12, UInt8> {
        [0x0d, 0x0a, 0x0d, 0x0a, 0x00, 0x0d, 0x0a, 0x51, 0x55, 0x49, 0x54, 0x0a]
    }

    private static func begins(_ bytes: Span<UInt8>, with start: Span<UInt8>) -> Bool {
        bytes.count >= start.count && start.indices.allSatisfy { bytes[$0] == start[$0] }
    }

    /// - Returns: whether all of the start is there; throws as soon as a byte is another.
    static func hasStart(_ bytes: Span<UInt8>, _ start: Span<UInt8>) throws(ProxyHeaderFault) -> Bool {
        for at in 0..<min(bytes.count, start.count) where bytes[at] != start[at] { throw .missing }
        return bytes.count >= start.count
    }
}

/// A version of the PROXY protocol.
public enum ProxyProtocol: String, Sendable, CaseIterable {
    /// A line of text.
    case v1
    /// Binary.
    case v2
}

/// Why the start of a connection is no header of the PROXY protocol.
public enum ProxyHeaderFault: Error, Sendable, Hashable, CaseIterable {
    /// It begins with something else.
    case missing
    /// A line of version 1 that is not `PROXY TCP4 192.0.2.1 192.0.2.2 1024 80`, or the same of TCP6, or `PROXY UNKNOWN`.
    case badLine
    case unknownVersion, unknownCommand, unknownFamily
    case tooLong
    /// Shorter than the addresses that it must have.
    case tooShort
    /// An extension (TLV) that is cut short or goes beyond the header, or a second checksum.
    case badExtension
    case wrongChecksum
    /// The connection ended before the header did.
    case cut
}

extension ProxyHeaderFault: CustomStringConvertible {
    public var description: String {
        switch self {
        case .missing: "the connection began with something else"
        case .badLine: "a line of version 1 that is malformed"
        case .unknownVersion: "neither version 1 nor 2"
        case .unknownCommand: "a command that version 2 does not have"
        case .unknownFamily: "a family or transport that version 2 does not have"
        case .tooLong:
            "longer than \(ProxyHeader.textLimit) bytes (version 1) or \(ProxyHeader.binaryLimit) (version 2)"
        case .tooShort: "shorter than the addresses that it must have"
        case .badExtension: "an extension (TLV) that is malformed"
        case .wrongChecksum: "its checksum (CRC32C) does not match"
        case .cut: "the connection ended in the middle of it"
        }
    }
}
