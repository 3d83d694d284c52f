// NTLM, and Negotiate, which may be NTLM or Kerberos (RFC 4559), authenticate a connection and not a request: whatever
// comes on it afterwards is taken for the user who logged in. RFC 9110 section 11.7.3 calls that a mistake; it is in use.

extension FieldTable {
    /// Whether a response's WWW-Authenticate or Proxy-Authenticate names such a scheme among its challenges.
    ///
    /// Lines that are not forwarded count too. Cost: one look at each line, and at the bytes of those that are read.
    ///
    /// - Parameter bytes: those that were parsed.
    public func challengesConnection(in bytes: Span<UInt8>) -> Bool {
        for index in 0..<count {
            let isChallenge =
                self[index].field == .proxyAuthenticate
                || bytes.equalsIgnoringCase(self[index].name, "www-authenticate")
            if isChallenge, bytes.challengesConnection(self[index].value) { return true }
        }
        return false
    }
}

extension Span where Element == UInt8 {
    /// Whether one of the elements of a list of challenges begins with such a scheme. Commas in quotes separate nothing.
    fileprivate func challengesConnection(_ value: Range<Int>) -> Bool {
        var start = value.lowerBound
        var isQuoted = false
        var index = start
        while index < value.upperBound {
            switch self[index] {
            case 0x22: isQuoted.toggle()
            case 0x5c where isQuoted: index += 1
            case comma where !isQuoted:
                if namesConnectionScheme(start..<index) { return true }
                start = index + 1
            default: break
            }
            index += 1
        }
        // A quote that nobody ends hides nothing that it could have hidden.
        return namesConnectionScheme(start..<value.upperBound)
    }

    /// Whether credentials, or a challenge, begin with a scheme that authenticates the connection.
    func namesConnectionScheme(_ range: Range<Int>) -> Bool {
        let text = trimmed(range)
        var end = text.lowerBound
        while end < text.upperBound, self[end] != space, self[end] != tab { end += 1 }
        let scheme = text.lowerBound..<end
        return equalsIgnoringCase(scheme, "ntlm") || equalsIgnoringCase(scheme, "negotiate")
    }
}
