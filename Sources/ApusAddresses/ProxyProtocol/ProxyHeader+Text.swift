/// Version 1: a line of text.
extension ProxyHeader {
    static func parseText(_ bytes: Span<UInt8>) throws(ProxyHeaderFault) -> ProxyHeader? {
        guard try hasStart(bytes, textStart.span) else { return nil }
        for at in textStart.count..<min(bytes.count, textLimit) {
            if bytes[at] == 0x0a { throw .badLine }
            guard bytes[at] == 0x0d else { continue }
            guard at + 1 < textLimit else { throw .tooLong }
            guard at + 1 < bytes.count else { return nil }
            guard bytes[at + 1] == 0x0a else { throw .badLine }
            let line = (textStart.count..<at).map { bytes[$0] }
            return ProxyHeader(end: at + 2, addresses: try addresses(inLine: line))
        }
        guard bytes.count < textLimit else { throw .tooLong }
        return nil
    }

    /// What a line names, without its start and end.
    private static func addresses(inLine line: [UInt8]) throws(ProxyHeaderFault) -> Addresses? {
        let words = line.split(separator: 0x20, omittingEmptySubsequences: false)
        let family = String(decoding: words[0], as: UTF8.self)
        // Whatever else the line has is of no meaning.
        if family == "UNKNOWN" { return nil }
        guard family == "TCP4" || family == "TCP6", words.count == 5,
            let client = address(words[1], isIPv6: family == "TCP6"),
            let reached = address(words[2], isIPv6: family == "TCP6"),
            let clientPort = decimal(words[3], atMost: Int(UInt16.max)),
            let reachedPort = decimal(words[4], atMost: Int(UInt16.max))
        else { throw .badLine }
        return Addresses(
            client: SocketAddress(ip: client, port: UInt16(clientPort)),
            reached: SocketAddress(ip: reached, port: UInt16(reachedPort)))
    }

    private static func address(_ text: ArraySlice<UInt8>, isIPv6: Bool) -> IPAddress? {
        guard text.contains(.colon) == isIPv6 else { return nil }
        return IPAddress(utf8: text.span)
    }
}
