extension FieldTable {
    /// Whether there is a Keep-Alive field.
    @inlinable public var saysKeepAlive: Bool { known.contains(.keepAlive) }

    /// For how many seconds the sender keeps the connection open while it is idle, a day at most: `timeout` of Keep-Alive
    /// (RFC 2068 section 19.7.1.1; no later RFC describes it, and many servers send it).
    ///
    /// - Returns: nil where nothing says so that can be read.
    public func keepAliveTimeout(in bytes: Span<UInt8>) -> UInt32? {
        var timeout: UInt32?
        for index in 0..<count where self[index].field == .keepAlive {
            forEachElement(of: bytes, in: self[index].value) { parameter in
                guard let seconds = bytes.seconds(ofParameter: parameter) else { return }
                timeout = min(seconds, timeout ?? seconds)
            }
        }
        return timeout
    }
}

extension Span where Element == UInt8 {
    /// The number of `timeout=N`, with or without quotes.
    fileprivate func seconds(ofParameter parameter: Range<Int>) -> UInt32? {
        let name = "timeout".utf8.count
        guard parameter.count > name + 1,
            equalsIgnoringCase(parameter.lowerBound..<parameter.lowerBound + name, "timeout"),
            self[parameter.lowerBound + name] == UInt8(ascii: "=")
        else { return nil }
        var value = parameter.lowerBound + name + 1..<parameter.upperBound
        let quote = UInt8(ascii: "\"")
        if value.count > 1, self[value.lowerBound] == quote, self[value.upperBound - 1] == quote {
            value = value.lowerBound + 1..<value.upperBound - 1
        }
        return decimal(self, value).map { UInt32(min($0, 24 * 3600)) }
    }
}
