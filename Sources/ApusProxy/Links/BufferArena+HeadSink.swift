import ApusAddresses
public import ApusExchange
public import ApusHTTP
import ApusModel
public import ApusTransport

/// Heads are written straight into what is sent next; what they keep is copied from where it was received.
extension BufferArena: HeadSink {
    @inline(__always)
    public mutating func append(lineOf mark: LoopMark) { append(LoopMark.lineCount, of: mark.words) }
}

/// The worker's desk: plans write straight into what is sent next.
extension BufferArena: PlanDesk {
    public typealias Place = Stretch

    @_lifetime(borrow self) @inline(__always)
    public borrowing func bytes(of place: Stretch) -> Span<UInt8> { bytes(place.handle, place.range) }

    public mutating func beginWriting() { beginSend() }

    public var writtenCount: Int { sendCount }

    @_lifetime(borrow self)
    public borrowing func written(from start: Int) -> Span<UInt8> { bytes(.outbound, start..<sendCount) }

    @_lifetime(&self)
    public mutating func rewritten() -> MutableSpan<UInt8> { mutableBytes(.outbound, 0..<sendCount) }

    public mutating func append(from place: Stretch, _ range: Range<Int>) {
        append(copying: place.handle, range.moved(by: Int(place.start)))
    }

    public mutating func setInput(_ place: Stretch) { setInput(place.handle, at: Int(place.start)) }
}

extension BufferArena {
    /// Appends an address in the form that X-Forwarded-For has.
    mutating func append(_ address: WireAddress) {
        let text = IPAddress(high: address.high, low: address.low).text
        append(text.span)
    }

    /// Appends an address and a port as an authority has them: an IPv6 address in brackets.
    mutating func append(authority address: SocketAddress) {
        if !address.ip.isIPv4 { append(UInt8(ascii: "[")) }
        let text = address.ip.text
        append(text.span)
        append(address.ip.isIPv4 ? ":" : "]:")
        append(decimal: UInt64(address.port))
    }
}
