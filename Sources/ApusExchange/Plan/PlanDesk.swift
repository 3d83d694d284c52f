public import ApusHTTP

/// Where a plan works: it holds the bytes of the head in hand, and takes what is written.
///
/// A worker's is its arena, where what is written is sent; that of `apus explain` and of tests is made of arrays. The bytes
/// and what is written have one owner, so that a plan names bytes by their place and never holds a view of them while it
/// writes.
public protocol PlanDesk: HeadSink, ~Copyable {
    /// The name of a run of bytes.
    associatedtype Place: BitwiseCopyable

    @_lifetime(borrow self)
    borrowing func bytes(of place: Place) -> Span<UInt8>

    /// Forgets what was written.
    mutating func beginWriting()
    /// Bytes written.
    var writtenCount: Int { get }
    /// What was written from the byte of that number on.
    @_lifetime(borrow self)
    borrowing func written(from start: Int) -> Span<UInt8>
    /// All that was written, to be changed where it is.
    @_lifetime(&self)
    mutating func rewritten() -> MutableSpan<UInt8>
    /// Takes back the last bytes.
    mutating func removeLast(_ count: Int)

    mutating func append(_ bytes: Span<UInt8>)
    /// Appends bytes of a place, named by offsets from where it starts.
    mutating func append(from place: Place, _ range: Range<Int>)
    /// Says where `append(input:)` finds its bytes.
    mutating func setInput(_ place: Place)
}

/// A desk made of arrays, for whoever asks what would become of a request.
public struct ArrayDesk: PlanDesk, Sendable {
    public enum Place: BitwiseCopyable, Sendable { case head, path }

    public var head: [UInt8]
    /// The path that templates are filled from.
    public var path: [UInt8] = []
    public private(set) var written: [UInt8] = []
    private var input = Place.head

    public init(head: [UInt8]) { self.head = head }

    @_lifetime(borrow self)
    public borrowing func bytes(of place: Place) -> Span<UInt8> {
        switch place {
        case .head: head.span
        case .path: path.span
        }
    }

    public mutating func beginWriting() { written.removeAll(keepingCapacity: true) }

    public var writtenCount: Int { written.count }

    @_lifetime(borrow self)
    public borrowing func written(from start: Int) -> Span<UInt8> { written.span.extracting(droppingFirst: start) }

    @_lifetime(&self)
    public mutating func rewritten() -> MutableSpan<UInt8> { written.mutableSpan }

    public mutating func removeLast(_ count: Int) { written.removeLast(count) }

    public mutating func append(_ bytes: Span<UInt8>) { for index in bytes.indices { written.append(bytes[index]) } }

    public mutating func append(from place: Place, _ range: Range<Int>) {
        switch place {
        case .head: written += head[range]
        case .path: written += path[range]
        }
    }

    public mutating func setInput(_ place: Place) { input = place }

    public mutating func append(input range: Range<Int>) { append(from: input, range) }

    public mutating func append(_ text: StaticString) {
        for byte in text.description.utf8 { written.append(byte) }
    }

    public mutating func append(_ byte: UInt8) { written.append(byte) }
}
