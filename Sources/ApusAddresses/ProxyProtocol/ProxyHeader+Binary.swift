/// Version 2: binary.
extension ProxyHeader {
    /// What the fixed part has: the signature, a byte each for version and command and for family and transport, and the
    /// length of what follows.
    static let fixedCount = 16

    static func parseBinary(_ bytes: Span<UInt8>) throws(ProxyHeaderFault) -> ProxyHeader? {
        guard try hasStart(bytes, signature.span), bytes.count > 12 else { return nil }
        guard bytes[12] >> 4 == 2 else { throw .unknownVersion }
        guard bytes[12] & 15 <= 1 else { throw .unknownCommand }
        let isLocal = bytes[12] & 15 == 0
        guard bytes.count > 13 else { return nil }
        // Of the proxy's own connections nothing that follows means anything, the family included.
        let family = isLocal ? Family.unspecified : Family(rawValue: bytes[13] >> 4)
        guard let family, isLocal || bytes[13] & 15 <= 2 else { throw .unknownFamily }
        guard bytes.count >= fixedCount else { return nil }
        let count = bytes.number(at: 14)
        guard fixedCount + count <= binaryLimit else { throw .tooLong }
        guard count >= family.addressBytes else { throw .tooShort }
        let end = fixedCount + count
        guard bytes.count >= end else { return nil }
        if family != .unspecified { try checkExtensions(bytes, from: fixedCount + family.addressBytes, to: end) }
        let isTCP = bytes[13] & 15 == 1
        return ProxyHeader(end: end, addresses: isTCP ? family.addresses(bytes, at: fixedCount) : nil)
    }

    /// An address family, in the upper half of its byte.
    enum Family: UInt8 {
        case unspecified, ipv4, ipv6, unix

        var addressBytes: Int {
            switch self {
            case .unspecified: 0
            case .ipv4: 12
            case .ipv6: 36
            case .unix: 216
            }
        }

        func addresses(_ bytes: Span<UInt8>, at place: Int) -> Addresses? {
            switch self {
            case .unspecified, .unix: return nil
            case .ipv4:
                let ports = place + 8
                return Addresses(
                    client: SocketAddress(ip: bytes.ipv4(at: place), port: UInt16(bytes.number(at: ports))),
                    reached: SocketAddress(ip: bytes.ipv4(at: place + 4), port: UInt16(bytes.number(at: ports + 2))))
            case .ipv6:
                let ports = place + 32
                return Addresses(
                    client: SocketAddress(ip: bytes.ipv6(at: place), port: UInt16(bytes.number(at: ports))),
                    reached: SocketAddress(ip: bytes.ipv6(at: place + 16), port: UInt16(bytes.number(at: ports + 2))))
            }
        }
    }

    /// Extensions say more of the client. Only the checksum is looked at.
    private static func checkExtensions(
        _ bytes: Span<UInt8>, from start: Int, to end: Int
    ) throws(ProxyHeaderFault) {
        var at = start
        var isChecked = false
        while at < end {
            guard end - at >= 3, end - at - 3 >= bytes.number(at: at + 1) else { throw .badExtension }
            let count = bytes.number(at: at + 1)
            if bytes[at] == checksumKind {
                guard count == 4, !isChecked else { throw .badExtension }
                isChecked = true
                let value = UInt32(bytes.number(at: at + 3) << 16 | bytes.number(at: at + 5))
                guard crc32c(bytes.extracting(0..<end), zeroing: at + 3..<at + 7) == value else { throw .wrongChecksum }
            }
            at += 3 + count
        }
    }

    static let checksumKind: UInt8 = 3

    /// CRC-32C (RFC 9260 appendix A), with some of the bytes taken for zero. A bit at a time: a header is short.
    static func crc32c(_ bytes: Span<UInt8>, zeroing zeros: Range<Int>) -> UInt32 {
        var sum = ~UInt32(0)
        for at in bytes.indices {
            sum ^= zeros.contains(at) ? 0 : UInt32(bytes[at])
            for _ in 0..<8 { sum = sum & 1 == 0 ? sum >> 1 : sum >> 1 ^ 0x82f6_3b78 }
        }
        return ~sum
    }
}

extension Span<UInt8> {
    /// Two bytes as a number, the higher first.
    fileprivate func number(at place: Int) -> Int { Int(self[place]) << 8 | Int(self[place + 1]) }

    fileprivate func ipv4(at place: Int) -> IPAddress {
        IPAddress(ipv4: UInt32(number(at: place) << 16 | number(at: place + 2)))
    }

    fileprivate func ipv6(at place: Int) -> IPAddress {
        func half(_ start: Int) -> UInt64 { (0..<4).reduce(0) { $0 << 16 | UInt64(number(at: start + 2 * $1)) } }
        return IPAddress(high: half(place), low: half(place + 8))
    }
}
