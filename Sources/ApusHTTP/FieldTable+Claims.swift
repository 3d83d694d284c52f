// What trusted proxies wrote, in a form that can be continued.

extension FieldTable {
    /// Drops what a client that is not trusted claims: neither routes nor origins see it.
    @inlinable
    public mutating func dropClaims() {
        guard !known.isDisjoint(with: .claims) else { return }
        for index in 0..<count where KnownField.Set.claims.contains(lines[index].field) {
            lines[index].isDropped = true
        }
    }

    /// Takes the empty elements out of X-Forwarded-For, and the slashes off the end of X-Forwarded-Prefix, where the
    /// head was received: other implementations count what is empty, or trip over it.
    ///
    /// For requests of trusted proxies only, before the head is written.
    ///
    /// - Parameter bytes: those that were parsed.
    @_lifetime(bytes: copy bytes)
    public mutating func tidyClaims(in bytes: inout MutableSpan<UInt8>) {
        for index in 0..<count {
            switch lines[index].field {
            case .forwardedFor: tidyList(index, &bytes)
            // Many proxies let pass what they do not know: only who has seen the handshake may say whose it was.
            case .clientCertificate: lines[index].isDropped = true
            case .forwardedPrefix:
                var end = lines[index].value.upperBound
                while end > lines[index].value.lowerBound, bytes[end &- 1] == UInt8(ascii: "/") { end &-= 1 }
                guard end < lines[index].value.upperBound else { continue }
                lines[index].valueEnd = Int32(truncatingIfNeeded: end)
                lines[index].isCanonical = false
            default: continue
            }
        }
    }

    /// Moves the elements of the list up to each other if there are empty ones.
    @_lifetime(bytes: copy bytes)
    private mutating func tidyList(_ index: Int, _ bytes: inout MutableSpan<UInt8>) {
        let value = lines[index].value
        guard hasEmptyElement(bytes.span, value) else { return }
        var written = value.lowerBound
        var start = value.lowerBound
        while start < value.upperBound {
            let end = bytes.span.first(comma, in: start..<value.upperBound)
            let element = bytes.span.trimmed(start..<end)
            if !element.isEmpty {
                if written > value.lowerBound {
                    bytes[written] = comma
                    written &+= 1
                }
                for offset in element {
                    bytes[written] = bytes[offset]
                    written &+= 1
                }
            }
            start = end &+ 1
        }
        lines[index].valueEnd = Int32(truncatingIfNeeded: written)
        // The bytes may be parsed again, and then say the same.
        for offset in written..<value.upperBound { bytes[offset] = UInt8(ascii: " ") }
    }

    private func hasEmptyElement(_ bytes: Span<UInt8>, _ list: Range<Int>) -> Bool {
        var start = list.lowerBound
        while true {
            let end = bytes.first(comma, in: start..<list.upperBound)
            if bytes.trimmed(start..<end).isEmpty { return true }
            guard end < list.upperBound else { return false }
            start = end &+ 1
        }
    }
}
