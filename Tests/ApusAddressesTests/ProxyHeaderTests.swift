import ApusAddresses
import Testing

/// The PROXY protocol: headers of both versions, cut at every byte, and what is none.
@Suite struct ProxyHeaderTests {
    /// What a header comes to, the same for every cut of it.
    private func parse(_ bytes: [UInt8], sourceLocation: SourceLocation = #_sourceLocation) -> Answer {
        let whole = answer(bytes)
        var isDecided = false
        for cut in 0..<bytes.count {
            let part = answer(Array(bytes[..<cut]))
            if part == .incomplete {
                #expect(!isDecided, "after \(cut) bytes the answer is taken back", sourceLocation: sourceLocation)
            } else {
                isDecided = true
                #expect(part == whole, "after \(cut) bytes", sourceLocation: sourceLocation)
            }
        }
        return whole
    }

    private enum Answer: Equatable {
        case names(client: String, reached: String, end: Int)
        case nobody(end: Int)
        case incomplete
        case refused(ProxyHeaderFault)
    }

    private func answer(_ bytes: [UInt8]) -> Answer {
        do throws(ProxyHeaderFault) {
            guard let header = try ProxyHeader.parse(bytes.span) else { return .incomplete }
            guard let addresses = header.addresses else { return .nobody(end: header.end) }
            return .names(client: "\(addresses.client)", reached: "\(addresses.reached)", end: header.end)
        } catch {
            return .refused(error)
        }
    }

    private func parse(_ text: String) -> Answer { parse(Array(text.utf8)) }

    // MARK: - Version 1

    @Test func aLineNamesTheClient() {
        let four = "PROXY TCP4 192.0.2.1 198.51.100.2 56324 443\r\n"
        #expect(
            parse(four + "GET / HTTP/1.1\r\n")
                == .names(client: "192.0.2.1:56324", reached: "198.51.100.2:443", end: four.utf8.count))
        let six = "PROXY TCP6 2001:db8::1 2001:DB8:0:0:0:0:0:2 0 65535\r\n"
        #expect(
            parse(six) == .names(client: "[2001:db8::1]:0", reached: "[2001:db8::2]:65535", end: six.utf8.count))
        // The longest that there is.
        let full = String(repeating: "ffff:", count: 7) + "ffff"
        let longest = "PROXY TCP6 \(full) \(full) 65535 65535\r\n"
        #expect(
            parse(longest) == .names(client: "[\(full)]:65535", reached: "[\(full)]:65535", end: longest.utf8.count))
    }

    @Test func unknownNamesNobody() {
        #expect(parse("PROXY UNKNOWN\r\nGET") == .nobody(end: 15))
        let filled = "PROXY UNKNOWN ffff::1 whatever \u{1}" + String(repeating: "x", count: 73) + "\r\n"
        #expect(filled.utf8.count == 107)
        #expect(parse(filled) == .nobody(end: 107))
    }

    @Test(
        arguments: [
            "PROXY \r\n", "PROXY  TCP4 1.1.1.1 2.2.2.2 1 2\r\n", "PROXY TCP4 1.1.1.1 2.2.2.2 1\r\n",
            "PROXY TCP4 1.1.1.1 2.2.2.2 1 2 \r\n", "PROXY TCP4 1.1.1.1 2.2.2.2 1 2 3\r\n",
            "PROXY TCP4 1.1.1.1  2.2.2.2 1 2\r\n", "PROXY TCP4 1.1.1 2.2.2.2 1 2\r\n",
            "PROXY TCP4 01.1.1.1 2.2.2.2 1 2\r\n", "PROXY TCP4 1.1.1.256 2.2.2.2 1 2\r\n",
            "PROXY TCP4 ::1 ::1 1 2\r\n", "PROXY TCP6 1.1.1.1 2.2.2.2 1 2\r\n", "PROXY TCP6 ::1%1 ::1 1 2\r\n",
            "PROXY TCP6 [::1] [::1] 1 2\r\n", "PROXY TCP4 1.1.1.1 2.2.2.2 65536 2\r\n",
            "PROXY TCP4 1.1.1.1 2.2.2.2 -1 2\r\n", "PROXY TCP4 1.1.1.1 2.2.2.2 +1 2\r\n",
            "PROXY TCP4 1.1.1.1 2.2.2.2 01 2\r\n", "PROXY TCP4 1.1.1.1 2.2.2.2 1 \r\n",
            "PROXY TCP4 1.1.1.1 2.2.2.2 1 2\n", "PROXY TCP4 1.1.1.1 2.2.2.2 1 2\r\r\n",
            "PROXY TCP4\t1.1.1.1 2.2.2.2 1 2\r\n", "PROXY UDP4 1.1.1.1 2.2.2.2 1 2\r\n",
            "PROXY tcp4 1.1.1.1 2.2.2.2 1 2\r\n", "PROXY UNKNOWNS\r\n", "PROXY unknown\r\n",
        ])
    func linesAreTakenByTheLetter(line: String) {
        #expect(parse(line) == .refused(.badLine))
    }

    @Test func aLineHasAnEnd() {
        let start = "PROXY UNKNOWN "
        #expect(parse(start + String(repeating: "x", count: 200)) == .refused(.tooLong))
        #expect(parse(start + String(repeating: "x", count: 92) + "\r\n") == .refused(.tooLong))
        #expect(parse(start + String(repeating: "x", count: 91) + "\r\n") == .nobody(end: 107))
        #expect(parse(start + String(repeating: "x", count: 92)) == .incomplete)
    }

    @Test(
        arguments: [
            "GET / HTTP/1.1\r\n\r\n", "PROXX", "PROXY\r\n", "proxy UNKNOWN\r\n", "\u{16}\u{3}\u{1}", "\r\n\r\nGET", " ",
        ])
    func whatIsSomethingElseIsMissing(text: String) {
        #expect(parse(text) == .refused(.missing))
    }

    // MARK: - Version 2

    private static let signature: [UInt8] = [13, 10, 13, 10, 0, 13, 10, 0x51, 0x55, 0x49, 0x54, 10]

    private func binary(_ rest: [UInt8]) -> [UInt8] { binary(0x21, 0x11, rest) }

    private func binary(_ command: UInt8, _ family: UInt8, _ rest: [UInt8], count: Int? = nil) -> [UInt8] {
        let count = count ?? rest.count
        return Self.signature + [command, family, UInt8(count >> 8), UInt8(count & 255)] + rest
    }

    private static let four: [UInt8] = [192, 0, 2, 1, 198, 51, 100, 2, 0xdc, 0x04, 0x01, 0xbb]
    private static let six: [UInt8] =
        [0x20, 1, 0xd, 0xb8] + [UInt8](repeating: 0, count: 11) + [1] + [0x20, 1, 0xd, 0xb8]
        + [UInt8](repeating: 0, count: 11) + [2, 0, 80, 1, 0xbb]

    @Test func aBinaryHeaderNamesTheClient() {
        #expect(
            parse(binary(Self.four) + Array("GET /".utf8))
                == .names(client: "192.0.2.1:56324", reached: "198.51.100.2:443", end: 28))
        #expect(
            parse(binary(0x21, 0x21, Self.six))
                == .names(client: "[2001:db8::1]:80", reached: "[2001:db8::2]:443", end: 52))
    }

    /// The proxy's own connections, and clients without an address of TCP.
    @Test func someNameNobody() {
        #expect(parse(binary(0x20, 0x00, [])) == .nobody(end: 16))
        // Whatever follows.
        #expect(parse(binary(0x20, 0xff, [1, 2, 3])) == .nobody(end: 19))
        #expect(parse(binary(0x20, 0x11, Self.four)) == .nobody(end: 28))
        #expect(parse(binary(0x21, 0x00, [])) == .nobody(end: 16))
        #expect(parse(binary(0x21, 0x00, [9, 9, 9, 9])) == .nobody(end: 20))
        #expect(parse(binary(0x21, 0x12, Self.four)) == .nobody(end: 28))
        #expect(parse(binary(0x21, 0x22, Self.six)) == .nobody(end: 52))
        #expect(parse(binary(0x21, 0x31, [UInt8](repeating: 0, count: 216))) == .nobody(end: 232))
    }

    @Test func whatTheVersionDoesNotHaveIsRefused() {
        #expect(parse(binary(0x11, 0x11, Self.four)) == .refused(.unknownVersion))
        #expect(parse(binary(0x31, 0x11, Self.four)) == .refused(.unknownVersion))
        #expect(parse(binary(0x22, 0x11, Self.four)) == .refused(.unknownCommand))
        #expect(parse(binary(0x21, 0x41, Self.four)) == .refused(.unknownFamily))
        #expect(parse(binary(0x21, 0x13, Self.four)) == .refused(.unknownFamily))
        #expect(parse(binary(0x21, 0x11, Array(Self.four.dropLast()))) == .refused(.tooShort))
        #expect(parse(binary(0x21, 0x21, Array(Self.six.dropLast()))) == .refused(.tooShort))
        #expect(parse(binary(0x21, 0x31, [UInt8](repeating: 0, count: 215))) == .refused(.tooShort))
        #expect(parse(binary(0x21, 0x00, [], count: 4081)) == .refused(.tooLong))
        #expect(parse(binary(0x20, 0x00, [], count: 65535)) == .refused(.tooLong))
        #expect(parse(binary(0x20, 0x00, [UInt8](repeating: 7, count: 4080))) == .nobody(end: 4096))
        #expect(parse(Array(Self.signature.dropLast()) + [13]) == .refused(.missing))
    }

    @Test func extensionsAreSkipped() {
        // An authority, a NOOP, an SSL with parts, one that nobody knows.
        let known: [UInt8] =
            [2, 0, 3, 97, 46, 98, 4, 0, 0, 0x20, 0, 5, 1, 0, 0, 0, 0, 0xee, 1, 0] + [UInt8](repeating: 1, count: 256)
        #expect(
            parse(binary(Self.four + known))
                == .names(client: "192.0.2.1:56324", reached: "198.51.100.2:443", end: 28 + known.count))
        for broken: [UInt8] in [[2], [2, 0], [2, 0, 1], [2, 0, 2, 0], [4, 0, 0, 0xee, 1, 0], [3, 0, 3, 1, 2, 3]] {
            #expect(parse(binary(Self.four + broken)) == .refused(.badExtension), "\(broken)")
        }
    }

    /// The check value of CRC-32C is that of RFC 9260's polynomial over `123456789`; here over a whole header.
    @Test func theChecksumIsChecked() {
        func sealed(_ before: [UInt8], _ behind: [UInt8] = []) -> [UInt8] {
            var header = binary(Self.four + before + [3, 0, 4, 0, 0, 0, 0] + behind)
            let place = 28 + before.count + 3
            let sum = slowCRC(header)
            header.replaceSubrange(
                place..<place + 4, with: (0..<4).map { UInt8(truncatingIfNeeded: sum >> (24 - 8 * $0)) })
            return header
        }
        #expect(slowCRC(Array("123456789".utf8)) == 0xe306_9283)
        for header in [sealed([]), sealed([4, 0, 1, 9]), sealed([], [2, 0, 1, 97])] {
            #expect(
                parse(header) == .names(client: "192.0.2.1:56324", reached: "198.51.100.2:443", end: header.count))
            for bit in [16 * 8, 20 * 8 + 3, (header.count - 1) * 8] {
                var broken = header
                broken[bit / 8] ^= 1 << UInt8(bit % 8)
                guard case .refused(.wrongChecksum) = parse(broken) else {
                    Issue.record("bit \(bit) of \(header) may be another")
                    continue
                }
            }
        }
        #expect(parse(sealed([], [3, 0, 4, 0, 0, 0, 0])) == .refused(.badExtension))
    }

    /// By long division, a bit at a time from the front: another way than the parser's.
    private func slowCRC(_ bytes: [UInt8]) -> UInt32 {
        func reversed(_ value: UInt32) -> UInt32 { (0..<32).reduce(0) { $0 << 1 | value >> UInt32($1) & 1 } }
        var rest: UInt32 = .max
        for byte in bytes {
            for bit in 0..<8 {
                let isSet = (rest >> 31 == 1) != (byte >> UInt8(bit) & 1 == 1)
                rest = rest << 1 ^ (isSet ? 0x1edc_6f41 : 0)
            }
        }
        return ~reversed(rest)
    }

    // MARK: - Written

    /// What is said of a client's TLS, byte for byte as the specification has it (sections 2.2.2 and 2.2.6).
    @Test func extensionsSayHowTheClientSpokeTLS() throws {
        let address = SocketAddress("192.0.2.1:1000")!
        func extensions(_ security: ProxyHeader.ClientSecurity) throws -> [UInt8] {
            let bytes = ProxyHeader.bytes(.v2, client: address, reached: address, security: security)
            let header = try #require(try ProxyHeader.parse(bytes.span))
            #expect(header.end == bytes.count && header.addresses?.client == address)
            return Array(bytes[28...])
        }
        var security = ProxyHeader.ClientSecurity(
            serverName: "a.b", version: "TLSv1.3", cipher: "C", certificate: nil)
        let name: [UInt8] = [2, 0, 3] + "a.b".utf8
        let version: [UInt8] = [0x21, 0, 7] + "TLSv1.3".utf8
        let cipher: [UInt8] = [0x23, 0, 1] + "C".utf8
        #expect(try extensions(security) == name + [0x20, 0, 19, 1, 0, 0, 0, 1] + version + cipher)
        security.certificate = .init(commonName: "x", isOfSession: false)
        security.serverName = nil
        let common: [UInt8] = [0x22, 0, 1] + "x".utf8
        #expect(try extensions(security) == [0x20, 0, 23, 7, 0, 0, 0, 0] + version + cipher + common)
        security.certificate = .init(commonName: String(repeating: "x", count: 256), isOfSession: true)
        #expect(try extensions(security) == [0x20, 0, 19, 5, 0, 0, 0, 0] + version + cipher)
    }

    @Test func whatIsWrittenIsRead() throws {
        let four = (SocketAddress("192.0.2.1:56324")!, SocketAddress("198.51.100.2:443")!)
        let six = (SocketAddress("[2001:db8::1]:80")!, SocketAddress("[2001:db8::2]:443")!)
        for version in ProxyProtocol.allCases {
            for (client, reached) in [four, six, (four.0, six.1), (six.0, four.1)] {
                let bytes = ProxyHeader.bytes(version, client: client, reached: reached)
                #expect(parse(bytes) == .names(client: "\(client)", reached: "\(reached)", end: bytes.count))
            }
            let bytes = ProxyHeader.bytesOfNobody(version)
            #expect(parse(bytes) == .nobody(end: bytes.count))
        }
        #expect(
            String(decoding: ProxyHeader.bytes(.v1, client: four.0, reached: four.1), as: UTF8.self)
                == "PROXY TCP4 192.0.2.1 198.51.100.2 56324 443\r\n")
        #expect(ProxyHeader.bytes(.v2, client: four.0, reached: four.1) == binary(Self.four))
        #expect(ProxyHeader.bytes(.v2, client: six.0, reached: six.1) == binary(0x21, 0x21, Self.six))
        #expect(ProxyHeader.bytesOfNobody(.v2) == binary(0x20, 0x00, []))
    }

    @Test func aHeaderIsKnownByItsStart() {
        func isKnown(_ bytes: [UInt8]) -> Bool { ProxyHeader.isAtStart(of: bytes.span) }
        for header in ["PROXY TCP4 1.1.1.1 ", "PROXY UNKNOWN"] { #expect(isKnown(Array(header.utf8))) }
        #expect(isKnown(Self.signature + [0x21]))
        for other in ["PROXY / HTTP/1.1", "PROXY", "", "GET /"] { #expect(!isKnown(Array(other.utf8))) }
    }
}
