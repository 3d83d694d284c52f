import CApusSystem

/// Building what is sent and sending it: heads are written to the outbound scratch, bodies are sent from where they
/// were received, and only what the socket does not take is copied.
extension BufferArena {
    /// Pieces shorter than this are copied behind one another: cheaper than one more element for the system to walk.
    private static let copiedBelow = 512

    /// Forgets what was appended since.
    public mutating func beginSend() {
        pieces.removeAll()
        outboundEnd = 0
        openStart = 0
    }

    /// Bytes appended since `beginSend`.
    public var sendCount: Int { pieces.byteCount + outboundEnd - openStart }

    /// Room left for writing; appending more is a bug.
    public var sendRoom: Int { Self.outboundCapacity - outboundEnd }

    @inlinable
    public mutating func append(_ text: StaticString) {
        let count = text.utf8CodeUnitCount
        unsafe reserve(count).copyMemory(from: text.utf8Start, byteCount: count)
    }

    public mutating func append(_ bytes: Span<UInt8>) {
        let target = unsafe reserve(bytes.count)
        unsafe bytes.withUnsafeBytes { source in
            guard let source = source.baseAddress else { return }
            unsafe target.copyMemory(from: source, byteCount: bytes.count)
        }
    }

    @inlinable @inline(__always)
    public mutating func append(_ byte: UInt8) {
        unsafe reserve(1).storeBytes(of: byte, as: UInt8.self)
    }

    /// Appends so many bytes of three words, 17 to 24, the lowest first.
    @inlinable
    public mutating func append(_ count: Int, of words: InlineArray<3, UInt64>) {
        let start = unsafe reserve(24)
        unsafe start.storeBytes(of: words[0].littleEndian, as: UInt64.self)
        unsafe start.storeBytes(of: words[1].littleEndian, toByteOffset: 8, as: UInt64.self)
        unsafe start.storeBytes(of: words[2].littleEndian, toByteOffset: 16, as: UInt64.self)
        outboundEnd &-= 24 - count
    }

    /// Appends a number below 100 as two digits.
    @inlinable
    public mutating func append(twoDigits value: UInt64) {
        let start = unsafe reserve(2)
        unsafe start.storeBytes(of: UInt8(truncatingIfNeeded: 0x30 + value / 10), as: UInt8.self)
        unsafe start.storeBytes(of: UInt8(truncatingIfNeeded: 0x30 + value % 10), toByteOffset: 1, as: UInt8.self)
    }

    /// Says where the bytes stand that `append(input:)` copies from.
    public mutating func setInput(_ handle: BufferHandle, at offset: Int) {
        inputHandle = handle
        inputOffset = offset
    }

    /// Appends bytes of the input, named by offsets from where it starts.
    public mutating func append(input range: Range<Int>) {
        append(copying: inputHandle, inputOffset + range.lowerBound..<inputOffset + range.upperBound)
    }

    /// Appends bytes that stand in another buffer, by copying.
    public mutating func append(copying handle: BufferHandle, _ range: Range<Int>) {
        let source = unsafe start(of: handle, range)
        unsafe reserve(range.count).copyMemory(from: source, byteCount: range.count)
    }

    /// Appends bytes that stand in another buffer and stay there until they are sent.
    ///
    /// - Returns: false when there are too many pieces; send first.
    public mutating func append(_ handle: BufferHandle, _ range: Range<Int>) -> Bool {
        if range.isEmpty { return true }
        if range.count < Self.copiedBelow, range.count <= sendRoom {
            append(copying: handle, range)
            return true
        }
        // One piece each stays free for what was written before these bytes, and what is written behind them.
        guard pieces.count < PieceList.capacity - 2 else { return false }
        _ = unsafe start(of: handle, range)
        closePiece()
        pieces.append(handle, range)
        return true
    }

    /// Takes back the last bytes that were appended; no piece that stands elsewhere may be among them.
    public mutating func removeLast(_ count: Int) {
        precondition(count >= 0 && count <= outboundEnd - openStart)
        outboundEnd -= count
    }

    /// Sends what was appended.
    ///
    /// - Returns: how many bytes the socket took, or why it took none.
    @usableFromInline
    mutating func send(to descriptor: Int32) -> SystemResult {
        closePiece()
        if pieces.count == 1 {
            let piece = pieces[0]
            let start = unsafe start(of: piece.handle, Int(piece.start)..<Int(piece.start + piece.count))
            return SystemResult(unsafe apus_send(descriptor, start, Int(piece.count)))
        }
        return unsafe withUnsafeTemporaryAllocation(of: iovec.self, capacity: PieceList.capacity) { vectors in
            for index in 0..<pieces.count {
                let piece = pieces[index]
                let start = unsafe start(of: piece.handle, Int(piece.start)..<Int(piece.start + piece.count))
                unsafe vectors[index] = iovec(iov_base: start, iov_len: Int(piece.count))
            }
            return SystemResult(unsafe apus_send_pieces(descriptor, vectors.baseAddress, pieces.count))
        }
    }

    /// Sends bytes that stand in one buffer.
    @usableFromInline
    mutating func send(to descriptor: Int32, _ handle: BufferHandle, _ range: Range<Int>) -> SystemResult {
        SystemResult(unsafe apus_send(descriptor, start(of: handle, range), range.count))
    }

    /// Where up to `most` bytes of what was appended stand, behind the first `sent` of them: in place where one piece has as
    /// many, else copied to `scratch`.
    mutating func gathered(
        from sent: Int, atMost most: Int, into scratch: UnsafeMutablePointer<UInt8>
    ) -> (start: UnsafeRawPointer, count: Int) {
        closePiece()
        var skipped = sent
        var filled = 0
        for index in 0..<pieces.count where filled < most {
            let piece = pieces[index]
            let left = Int(piece.count) - skipped
            guard left > 0 else {
                skipped -= Int(piece.count)
                continue
            }
            let count = min(left, most - filled)
            let first = Int(piece.start) + skipped
            skipped = 0
            let source = unsafe start(of: piece.handle, first..<first + count)
            if filled == 0, count == most || index == pieces.count - 1 { return (UnsafeRawPointer(source), count) }
            unsafe UnsafeMutableRawPointer(scratch + filled).copyMemory(from: source, byteCount: count)
            filled += count
        }
        return (UnsafeRawPointer(scratch), filled)
    }

    /// A copy of what was appended, for a script to send.
    mutating func appended() -> [UInt8] {
        closePiece()
        var bytes: [UInt8] = []
        bytes.reserveCapacity(pieces.byteCount)
        for index in 0..<pieces.count {
            let piece = pieces[index]
            let span = self.bytes(piece.handle, Int(piece.start)..<Int(piece.start + piece.count))
            for offset in span.indices { bytes.append(span[offset]) }
        }
        return bytes
    }

    /// Copies what was appended, without its first `sent` bytes, to `handle` at `offset`.
    public mutating func copyUnsent(from sent: Int, to handle: BufferHandle, at offset: Int) {
        closePiece()
        var skipped = sent
        var end = offset
        for index in 0..<pieces.count {
            let piece = pieces[index]
            let count = Int(piece.count)
            if skipped >= count {
                skipped -= count
                continue
            }
            let start = Int(piece.start)
            copy(from: piece.handle, start + skipped..<start + count, to: handle, at: end)
            end += count - skipped
            skipped = 0
        }
    }

    /// Room for `count` more bytes in the outbound scratch, which the caller fills.
    @inlinable @inline(__always)
    mutating func reserve(_ count: Int) -> UnsafeMutableRawPointer {
        precondition(count >= 0 && count <= Self.outboundCapacity - outboundEnd)
        let start = unsafe outbound + outboundEnd
        outboundEnd &+= count
        return unsafe start
    }

    /// Makes a piece of what was written since the last one.
    private mutating func closePiece() {
        guard outboundEnd > openStart else { return }
        pieces.append(.outbound, openStart..<outboundEnd)
        openStart = outboundEnd
    }
}
