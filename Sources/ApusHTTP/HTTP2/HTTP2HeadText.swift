/// Writes the fields of a block as the head of HTTP/1.1 that says the same, line by line, so that everything else sees heads in
/// one form, whatever they came by.
///
/// This is where requests are smuggled: what HTTP/2 can say and HTTP/1 cannot, or says otherwise, is refused here (RFC 9113
/// sections 8.2 and 8.3). What both can say wrongly is left to the parser of the text.
public struct HTTP2HeadText: ~Copyable, HeadReceiver {
    public enum Kind: Sendable { case request, response, trailers }

    public struct Limits: Sendable {
        /// Bytes of the text at most.
        public var bytes: Int
        /// Fields, and of them those that are pieces of one Cookie, which have a number of their own.
        public var fields: Int
        public var crumbs: Int
        /// Whether CONNECT may name a protocol (RFC 8441): it was announced.
        public var allowsProtocol: Bool

        public init(bytes: Int = 65_536, fields: Int = 100, crumbs: Int = 256, allowsProtocol: Bool = false) {
            self.bytes = bytes
            self.fields = fields
            self.crumbs = crumbs
            self.allowsProtocol = allowsProtocol
        }
    }

    /// Why there is no such head.
    public enum Fault: Error, Sendable, Equatable {
        /// `:method` and its like: unknown, missing, twice, empty, or behind a field.
        case badPseudoField
        /// A field of the connection, which HTTP/2 has other means for: Connection, Transfer-Encoding, Upgrade, TE with anything
        /// but `trailers`.
        case connectionField
        /// A name that is none, or not in lower case.
        case badFieldName
        /// A value with a control character, or a blank at an end.
        case badFieldValue
        /// `:authority` and Host say two things.
        case twoHosts
        /// `:authority` has user information.
        case userInformation
        /// `:method` is none, or CONNECT with what does not belong to it.
        case badMethod
        /// `:path` is none.
        case badTarget
        case badScheme
        /// The status of a response is none.
        case badStatus
        case tooLarge
        case tooManyFields
    }

    public private(set) var kind: Kind
    /// What heads are, that are no trailers.
    private let usualKind: Kind
    private let limits: Limits
    /// The head. What stands in `:method` and its like comes first, and is written before the first field.
    private var text: [UInt8]
    private var count = 0
    /// Where those values stand, one behind the other.
    private var pseudo: [UInt8] = []
    private var method = 0..<0
    private var scheme = 0..<0
    private var authority = 0..<0
    private var path = 0..<0
    private var status = 0..<0
    /// The protocol that CONNECT asks for (RFC 8441).
    private var `protocol` = 0..<0
    private var seen: Seen = []
    private var crumbs: [UInt8] = []
    private var crumbCount = 0
    private var fieldCount = 0
    /// The line of Host that the authority has made: where its value stands.
    private var host = 0..<0
    private var hasLength = false
    /// A field must not be remembered by anybody on its way (RFC 7541 section 6.2.3); `BlockWriter` is to be told.
    public private(set) var hasSecret = false
    /// Of the first thing that was wrong.
    public private(set) var fault: Fault?

    private struct Seen: OptionSet {
        var rawValue: UInt8
        static let method = Seen(rawValue: 1)
        static let scheme = Seen(rawValue: 2)
        static let authority = Seen(rawValue: 4)
        static let path = Seen(rawValue: 8)
        static let status = Seen(rawValue: 16)
        static let `protocol` = Seen(rawValue: 32)
        /// A field that is none of these: the first line has been written.
        static let field = Seen(rawValue: 64)
    }

    /// - Parameter kind: what its heads are: requests, or responses.
    public init(_ kind: Kind, _ limits: Limits = Limits()) {
        self.kind = kind
        usualKind = kind
        self.limits = limits
        text = Array(repeating: 0, count: limits.bytes)
    }

    public mutating func begin(isTrailer: Bool) {
        kind = isTrailer ? .trailers : usualKind
        (count, crumbCount, fieldCount) = (0, 0, 0)
        (seen, fault) = ([], nil)
        (hasLength, hasSecret) = (false, false)
        pseudo.removeAll(keepingCapacity: true)
        crumbs.removeAll(keepingCapacity: true)
        (method, scheme, authority, path, status, `protocol`, host) = (0..<0, 0..<0, 0..<0, 0..<0, 0..<0, 0..<0, 0..<0)
    }

    // MARK: - Fields

    public mutating func receive(name: Span<UInt8>, value: Span<UInt8>, isSecret: Bool) {
        guard fault == nil else { return }
        if isSecret { hasSecret = true }
        do throws(Fault) {
            guard name.count > 0 else { throw .badFieldName }
            if name[0] == colon { return try takePseudo(name, value) }
            if !seen.contains(.field) {
                seen.insert(.field)
                try writeFirstLine()
            }
            try take(name, value)
        } catch {
            fault = error
        }
    }

    public mutating func receivedTooLong() {
        if fault == nil { fault = .tooLarge }
    }

    private mutating func take(_ name: Span<UInt8>, _ value: Span<UInt8>) throws(Fault) {
        try check(value)
        if kind == .request, name.isSame(0..<name.count, "cookie") {
            return try takeCrumb(value)
        }
        fieldCount += 1
        guard fieldCount <= limits.fields else { throw .tooManyFields }
        guard count + name.count + value.count + 4 <= limits.bytes else { throw .tooLarge }
        for index in name.indices {
            let byte = name[index]
            guard isTokenByte(byte), byte &- 0x41 >= 26 else { throw .badFieldName }
            text[count &+ index] = byte
        }
        try checkConnection(name, value)
        if name.isSame(0..<name.count, "content-length") { hasLength = true }
        if kind == .request, name.isSame(0..<name.count, "host") {
            guard seen.isDisjoint(with: .authority) else { return try compareHost(value) }
        }
        count += name.count
        append(": ")
        append(value)
        append("\r\n")
    }

    /// Fields that are about the connection, of which HTTP/2 has its own (RFC 9113 section 8.2.2).
    private func checkConnection(_ name: Span<UInt8>, _ value: Span<UInt8>) throws(Fault) {
        let all = 0..<name.count
        let isOfConnection =
            switch name.count {
            case 2:
                name.equalsIgnoringCase(all, "te")
                    && !(value.count == 8 && value.equalsIgnoringCase(0..<8, "trailers"))
            case 7: name.equalsIgnoringCase(all, "upgrade")
            case 10: name.equalsIgnoringCase(all, "connection") || name.equalsIgnoringCase(all, "keep-alive")
            case 14: name.equalsIgnoringCase(all, "http2-settings")
            case 16: name.equalsIgnoringCase(all, "proxy-connection")
            case 17: name.equalsIgnoringCase(all, "transfer-encoding")
            default: false
            }
        if isOfConnection { throw .connectionField }
    }

    private func check(_ value: Span<UInt8>) throws(Fault) {
        guard value.count > 0 else { return }
        for index in value.indices where !isFieldValueByte(value[index]) { throw .badFieldValue }
        let (first, last) = (value[0], value[value.count - 1])
        if first == space || first == tab || last == space || last == tab { throw .badFieldValue }
    }

    /// A piece of Cookie, which HTTP/2 may send as a field each (RFC 9113 section 8.2.3).
    private mutating func takeCrumb(_ value: Span<UInt8>) throws(Fault) {
        crumbCount += 1
        guard crumbCount <= limits.crumbs else { throw .tooManyFields }
        // With the line's name, its end, and what stands between two pieces.
        guard count + crumbs.count + value.count + 12 <= limits.bytes else { throw .tooLarge }
        if crumbCount > 1 { crumbs += [0x3b, space] }
        for index in value.indices { crumbs.append(value[index]) }
    }

    private func compareHost(_ value: Span<UInt8>) throws(Fault) {
        guard value.count == host.count else { throw .twoHosts }
        for index in value.indices where lowercased(value[index]) != lowercased(text[host.lowerBound &+ index]) {
            throw .twoHosts
        }
    }

    // MARK: - The first line

    private mutating func takePseudo(_ name: Span<UInt8>, _ value: Span<UInt8>) throws(Fault) {
        guard !seen.contains(.field), kind != .trailers, let (mark, most) = pseudoField(name) else {
            throw .badPseudoField
        }
        guard seen.isDisjoint(with: mark) else { throw .badPseudoField }
        seen.insert(mark)
        guard value.count <= most, pseudo.count + value.count <= limits.bytes else { throw .tooLarge }
        let start = pseudo.count
        for index in value.indices { pseudo.append(value[index]) }
        let range = start..<pseudo.count
        switch mark {
        case .method: method = range
        case .scheme: scheme = range
        case .authority: authority = range
        case .path: path = range
        case .status: status = range
        default: `protocol` = range
        }
    }

    /// Which one it is, and how many bytes its value may have.
    private func pseudoField(_ name: Span<UInt8>) -> (Seen, Int)? {
        let all = 0..<name.count
        if kind == .response { return name.isSame(all, ":status") ? (.status, 16) : nil }
        switch name.count {
        case 5: return name.isSame(all, ":path") ? (.path, limits.bytes) : nil
        case 7:
            if name.isSame(all, ":method") { return (.method, 64) }
            return name.isSame(all, ":scheme") ? (.scheme, 64) : nil
        case 9: return name.isSame(all, ":protocol") ? (.protocol, 64) : nil
        case 10: return name.isSame(all, ":authority") ? (.authority, limits.bytes) : nil
        default: return nil
        }
    }

    private mutating func writeFirstLine() throws(Fault) {
        switch kind {
        case .trailers: return
        case .response: try writeStatusLine()
        case .request: try writeRequestLine()
        }
    }

    private mutating func writeStatusLine() throws(Fault) {
        guard seen.contains(.status) else { throw .badPseudoField }
        guard status.count == 3, status.allSatisfy({ isDigit(pseudo[$0]) }), pseudo[status.lowerBound] != 0x30,
            // There is no switching of protocols (RFC 9113 section 8.6).
            !isSame(status, "101")
        else { throw .badStatus }
        append("HTTP/1.1 ")
        append(status)
        append(" \r\n")
    }

    private mutating func writeRequestLine() throws(Fault) {
        guard seen.contains(.method), !method.isEmpty else { throw .badPseudoField }
        guard method.allSatisfy({ isTokenByte(pseudo[$0]) }) else { throw .badMethod }
        if isSame(method, "CONNECT"), !seen.contains(.protocol) {
            // It has an authority, and nothing else (RFC 9113 section 8.5).
            guard seen.isDisjoint(with: [.scheme, .path]), seen.contains(.authority), !authority.isEmpty else {
                throw .badMethod
            }
        } else {
            guard seen.isSuperset(of: [.scheme, .path]), !path.isEmpty else { throw .badPseudoField }
            guard isSame(scheme, "https") || isSame(scheme, "http") else { throw .badScheme }
            guard !seen.contains(.protocol) || isSame(method, "CONNECT") && limits.allowsProtocol else {
                throw .badPseudoField
            }
            guard `protocol`.allSatisfy({ isTokenByte(pseudo[$0]) }) else { throw .badPseudoField }
            try checkPath()
        }
        for index in authority where pseudo[index] == 0x40 { throw .userInformation }
        let needed = method.count + path.count + 2 * authority.count + 24
        guard needed <= limits.bytes else { throw .tooLarge }
        append(method)
        append(" ")
        append(path.isEmpty ? authority : path)
        append(" HTTP/1.1\r\n")
        guard seen.contains(.authority) else { return }
        for index in authority where pseudo[index] <= space || pseudo[index] >= 0x7f { throw .badTarget }
        append("host: ")
        host = count..<count + authority.count
        append(authority)
        append("\r\n")
    }

    private func checkPath() throws(Fault) {
        // In HTTP/1 a target could name a host as well, and a blank would end it.
        guard pseudo[path.lowerBound] == 0x2f || isSame(method, "OPTIONS") && isSame(path, "*") else {
            throw .badTarget
        }
        for index in path where !isTargetByte(pseudo[index]) { throw .badTarget }
    }

    // MARK: - The end

    /// The protocol that CONNECT names, such as `websocket`; nil for none.
    public var protocolName: [UInt8]? { seen.contains(.protocol) ? Array(pseudo[`protocol`]) : nil }

    /// Ends the head with an empty line.
    ///
    /// - Parameter endsStream: Nothing follows. A request that something follows, and that does not say how much, is one with chunks
    ///   in HTTP/1: there it would have no body, and what follows be taken for the next request.
    /// - Returns: how many bytes of the text it has.
    /// - Throws: what was wrong first.
    public mutating func finish(endsStream: Bool) throws(Fault) -> Int {
        if let fault { throw fault }
        if !seen.contains(.field) { try writeFirstLine() }
        if kind == .request, !endsStream, !hasLength {
            guard count + 30 <= limits.bytes else { throw .tooLarge }
            append("transfer-encoding: chunked\r\n")
        }
        if crumbCount > 0 {
            append("cookie: ")
            guard count + crumbs.count + 4 <= limits.bytes else { throw .tooLarge }
            for index in crumbs.indices { text[count &+ index] = crumbs[index] }
            count += crumbs.count
            append("\r\n")
        }
        guard count + 2 <= limits.bytes else { throw .tooLarge }
        append("\r\n")
        return count
    }

    /// What was written so far.
    public var written: Span<UInt8> {
        @_lifetime(borrow self) get { text.span.extracting(0..<count) }
    }

    // MARK: - Writing

    private mutating func append(_ words: StaticString) {
        for index in 0..<words.utf8CodeUnitCount {
            guard count < text.count else { return }
            // A literal's bytes live for ever, and the index is one of them.
            text[count] = unsafe words.utf8Start[index]
            count += 1
        }
    }

    private mutating func append(_ bytes: Span<UInt8>) {
        for index in bytes.indices { text[count &+ index] = bytes[index] }
        count += bytes.count
    }

    private mutating func append(_ range: Range<Int>) {
        for index in 0..<range.count { text[count &+ index] = pseudo[range.lowerBound &+ index] }
        count += range.count
    }

    private func isSame(_ range: Range<Int>, _ words: StaticString) -> Bool {
        guard range.count == words.utf8CodeUnitCount else { return false }
        for index in 0..<range.count where unsafe pseudo[range.lowerBound &+ index] != words.utf8Start[index] {
            return false
        }
        return true
    }
}

extension Span<UInt8> {
    /// Whether the bytes of `range` are `text`, in the same case.
    fileprivate func isSame(_ range: Range<Int>, _ text: StaticString) -> Bool {
        guard range.count == text.utf8CodeUnitCount else { return false }
        for index in 0..<range.count where unsafe self[range.lowerBound &+ index] != text.utf8Start[index] {
            return false
        }
        return true
    }
}
