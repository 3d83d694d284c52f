/// Bytes in a borrowed buffer.
@frozen
public struct Stretch: Sendable, BitwiseCopyable {
    public var handle = BufferHandle.none
    public var start: Int32 = 0
    public var end: Int32 = 0

    @inlinable public var isEmpty: Bool { handle.isNone }
    @inlinable public var range: Range<Int> { Int(start)..<Int(end) }
    @inlinable public var count: Int { Int(end - start) }

    /// What is left of it from that place of the buffer on.
    @inlinable
    public func rest(from place: Int) -> Stretch { Stretch(handle, place..<Int(end)) }

    @inlinable
    public init() {}

    @inlinable
    public init(_ handle: BufferHandle, _ range: Range<Int>) {
        self.handle = handle
        start = Int32(range.lowerBound)
        end = Int32(range.upperBound)
    }
}
