import CApusSystem

/// A name for a buffer of a worker's arena.
@frozen
public struct BufferHandle: Sendable, Equatable, BitwiseCopyable {
    @usableFromInline let index: Int32

    @inlinable
    init(index: Int32) { self.index = index }

    public static let none = BufferHandle(index: -1)
    /// The scratch buffer that every read goes to first.
    public static let inbound = BufferHandle(index: 0)
    /// The scratch buffer in which heads are written.
    public static let outbound = BufferHandle(index: 1)

    @inlinable public var isNone: Bool { index < 0 }
}

/// Every byte that one worker holds: two large scratch buffers, and blocks that connections borrow when something must
/// outlive the event at hand.
///
/// An idle connection borrows nothing. What is in use is bounded; beyond the bound `borrow` gives nothing, and the
/// worker sheds. Blocks that come back are kept for reuse up to a small number per size. Used by one thread; all
/// access is checked against the buffer's capacity.
@safe
public struct BufferArena: ~Copyable {
    @safe
    struct Block {
        var base: UnsafeMutableRawPointer
        var capacity: Int
        var sizeClass: Int
        /// The next free block of its class, while this one is free.
        var nextFree: Int32
    }

    /// Capacities that blocks come in: a small one for the heads of most requests, 64 KiB for a whole read, and larger ones
    /// for bodies that are kept to be sent again.
    static let blockSizes = [
        1 << 10, 4 << 10, 16 << 10, 64 << 10, 128 << 10, 256 << 10, 512 << 10, 1 << 20, 2 << 20, 4 << 20, 8 << 20,
        16 << 20, 32 << 20,
    ]
    /// Free blocks that are kept per size; the rest go back to the system.
    static let keptFree = [1_024, 256, 64, 16, 8, 4, 1, 0, 0, 0, 0, 0, 0]
    public static let largestBlock = 32 << 20
    /// Bytes that one read takes at most.
    public static let inboundCapacity = 64 << 10
    /// Room for the largest head, what Apus adds to it, and small pieces of body.
    @usableFromInline static var outboundCapacity: Int { 160 << 10 }

    private var blocks: UnsafeMutablePointer<Block>
    private var blockCapacity: Int
    private var blockCount: Int
    private var firstFree: [Int32]
    private var freeCounts: [Int]
    /// Bytes that may be borrowed at once.
    public var limit: Int
    /// Bytes of blocks that are borrowed now.
    public private(set) var bytesInUse = 0

    /// What the next send consists of.
    var pieces: PieceList
    /// The outbound scratch, and where its next byte goes.
    @usableFromInline let outbound: UnsafeMutableRawPointer
    @usableFromInline var outboundEnd = 0
    /// Bytes of the last block that could not be lent.
    public private(set) var refused = 0
    /// Where the bytes begin that were written since the last piece: they become one when another follows.
    var openStart = 0
    var inputHandle = BufferHandle.none
    var inputOffset = 0

    public init(limit: Int) {
        self.limit = limit
        blockCapacity = 64
        unsafe blocks = .allocate(capacity: blockCapacity)
        blockCount = 0
        firstFree = Self.blockSizes.map { _ in -1 }
        freeCounts = Self.blockSizes.map { _ in 0 }
        pieces = PieceList()
        unsafe outbound = .allocate(byteCount: Self.outboundCapacity, alignment: 64)
        _ = appendBlock(capacity: Self.inboundCapacity, sizeClass: -1)
        unsafe appendBlock(at: outbound, capacity: Self.outboundCapacity, sizeClass: -1)
    }

    deinit {
        for index in 0..<blockCount where unsafe blocks[index].capacity > 0 {
            unsafe blocks[index].base.deallocate()
        }
        unsafe blocks.deallocate()
    }

    // MARK: Borrowing

    /// A block of at least `capacity` bytes; nil beyond the arena's limit or for more than the largest block: `refused` says
    /// then how large it was to be.
    public mutating func borrow(_ capacity: Int) -> BufferHandle? {
        guard let sizeClass = Self.blockSizes.firstIndex(where: { $0 >= capacity }) else {
            refused = capacity
            return nil
        }
        let size = Self.blockSizes[sizeClass]
        guard bytesInUse + size <= limit else {
            refused = capacity
            return nil
        }
        bytesInUse += size
        let free = firstFree[sizeClass]
        guard free >= 0 else { return appendBlock(capacity: size, sizeClass: sizeClass) }
        firstFree[sizeClass] = unsafe blocks[Int(free)].nextFree
        freeCounts[sizeClass] -= 1
        if unsafe blocks[Int(free)].capacity == 0 { refill(Int(free), size) }
        return BufferHandle(index: free)
    }

    /// Gives a block back. The scratch buffers and `.none` are left alone.
    @inlinable @inline(__always)
    public mutating func giveBack(_ handle: BufferHandle) {
        if handle.index > 1 { giveBackBlock(handle) }
    }

    @usableFromInline
    mutating func giveBackBlock(_ handle: BufferHandle) {
        let index = Int(handle.index)
        precondition(index < blockCount)
        let sizeClass = unsafe blocks[index].sizeClass
        bytesInUse -= Self.blockSizes[sizeClass]
        if freeCounts[sizeClass] >= Self.keptFree[sizeClass] {
            // The slot stays on the list of its class, without memory.
            unsafe blocks[index].base.deallocate()
            unsafe blocks[index].capacity = 0
        }
        unsafe blocks[index].nextFree = firstFree[sizeClass]
        firstFree[sizeClass] = handle.index
        freeCounts[sizeClass] += 1
    }

    @inline(never)
    private mutating func appendBlock(capacity: Int, sizeClass: Int) -> BufferHandle {
        if blockCount == blockCapacity {
            let larger = UnsafeMutablePointer<Block>.allocate(capacity: blockCapacity * 2)
            unsafe larger.moveInitialize(from: blocks, count: blockCount)
            unsafe blocks.deallocate()
            unsafe blocks = larger
            blockCapacity *= 2
        }
        unsafe appendBlock(
            at: .allocate(byteCount: capacity, alignment: 64), capacity: capacity, sizeClass: sizeClass)
        return BufferHandle(index: Int32(blockCount - 1))
    }

    private mutating func appendBlock(at base: UnsafeMutableRawPointer, capacity: Int, sizeClass: Int) {
        unsafe (blocks + blockCount).initialize(
            to: Block(base: base, capacity: capacity, sizeClass: sizeClass, nextFree: -1))
        blockCount += 1
    }

    @inline(never)
    private mutating func refill(_ index: Int, _ size: Int) {
        unsafe blocks[index].base = .allocate(byteCount: size, alignment: 64)
        unsafe blocks[index].capacity = size
    }

    // MARK: Access

    public func capacity(of handle: BufferHandle) -> Int { block(handle).capacity }

    /// The bytes of `range`.
    @_lifetime(borrow self)
    public borrowing func bytes(_ handle: BufferHandle, _ range: Range<Int>) -> Span<UInt8> {
        let block = block(handle)
        precondition(range.lowerBound >= 0 && range.upperBound <= block.capacity)
        let start = unsafe (block.base + range.lowerBound).assumingMemoryBound(to: UInt8.self)
        let span = unsafe Span(_unsafeStart: start, count: range.count)
        return unsafe _overrideLifetime(span, borrowing: self)
    }

    /// The bytes of `range`, to be changed where they are.
    @_lifetime(&self)
    public mutating func mutableBytes(_ handle: BufferHandle, _ range: Range<Int>) -> MutableSpan<UInt8> {
        let start = unsafe start(of: handle, range).assumingMemoryBound(to: UInt8.self)
        let span = unsafe MutableSpan(_unsafeStart: start, count: range.count)
        return unsafe _overrideLifetime(span, mutating: &self)
    }

    /// The number in the four bytes at `offset`, as `setNumber` wrote it.
    public borrowing func number(at offset: Int, in handle: BufferHandle) -> UInt32 {
        unsafe start(of: handle, offset..<offset + 4).loadUnaligned(as: UInt32.self)
    }

    /// Writes a number into the four bytes at `offset`.
    public mutating func setNumber(_ number: UInt32, at offset: Int, in handle: BufferHandle) {
        unsafe start(of: handle, offset..<offset + 4).storeBytes(of: number, as: UInt32.self)
    }

    /// Copies bytes from one buffer to another.
    public mutating func copy(from source: BufferHandle, _ range: Range<Int>, to target: BufferHandle, at offset: Int) {
        unsafe start(of: target, offset..<offset + range.count)
            .copyMemory(from: start(of: source, range), byteCount: range.count)
    }

    /// Moves bytes within one buffer.
    public mutating func move(_ handle: BufferHandle, _ range: Range<Int>, to offset: Int) {
        unsafe start(of: handle, offset..<offset + range.count)
            .copyMemory(from: start(of: handle, range), byteCount: range.count)
    }

    /// Where the bytes of `range` start, once it is known that they are the buffer's.
    @inline(__always)
    func start(of handle: BufferHandle, _ range: Range<Int>) -> UnsafeMutableRawPointer {
        let block = block(handle)
        precondition(range.lowerBound >= 0 && range.upperBound <= block.capacity)
        return unsafe block.base + range.lowerBound
    }

    @inline(__always)
    private func block(_ handle: BufferHandle) -> Block {
        precondition(handle.index >= 0 && Int(handle.index) < blockCount)
        return unsafe blocks[Int(handle.index)]
    }

    // MARK: Reading from sockets

    /// Reads up to `count` bytes into `handle` at `offset`.
    ///
    /// - Returns: how many bytes; 0 when the peer has ended its direction; a failure otherwise.
    @usableFromInline
    mutating func receive(
        from descriptor: Int32, into handle: BufferHandle, at offset: Int, count: Int
    ) -> SystemResult {
        let start = unsafe start(of: handle, offset..<offset + count)
        return SystemResult(unsafe apus_receive(descriptor, start, count))
    }
}
