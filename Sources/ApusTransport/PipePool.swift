import CApusSystem

/// A pipe through which the system moves bytes from one socket to another without showing them to the process.
@frozen
public struct Pipe: Sendable, Equatable, BitwiseCopyable {
    @usableFromInline let readEnd: Int32
    @usableFromInline let writeEnd: Int32

    @inlinable
    init(readEnd: Int32, writeEnd: Int32) {
        self.readEnd = readEnd
        self.writeEnd = writeEnd
    }

    public static let none = Pipe(readEnd: -1, writeEnd: -1)

    public var isNone: Bool { readEnd < 0 }

    /// Moves up to `count` bytes from the socket into the pipe: 0 when the peer has ended its direction.
    public func fill(from socket: Socket, _ count: Int) -> SystemResult {
        SystemResult(Int(apus_splice(socket.descriptor, writeEnd, count)))
    }

    /// Moves up to `count` bytes that the pipe holds to the socket.
    public func empty(to socket: Socket, _ count: Int) -> SystemResult {
        SystemResult(Int(apus_splice(readEnd, socket.descriptor, count)))
    }

    func close() {
        Socket(descriptor: readEnd).close()
        Socket(descriptor: writeEnd).close()
    }
}

/// The pipes of one worker: made when needed, kept for reuse, few. Used by one thread.
public struct PipePool: ~Copyable {
    /// Bytes that a pipe holds, if the system allows that much.
    public static let pipeCapacity = 256 << 10

    private var free: [Pipe] = []
    /// Pipes that there are, in use or kept.
    public private(set) var made = 0
    private let limit: Int

    /// - Parameter limit: pipes at most; each is two descriptors.
    public init(limit: Int) { self.limit = limit }

    deinit { for pipe in free { pipe.close() } }

    /// An empty pipe; nil when there are enough, or the system has none.
    public mutating func take() -> Pipe? {
        if let pipe = free.popLast() { return pipe }
        guard made < limit else { return nil }
        var ends: (Int32, Int32) = (-1, -1)
        let result = unsafe withUnsafeMutableBytes(of: &ends) { ends in
            unsafe apus_pipe(ends.baseAddress?.assumingMemoryBound(to: Int32.self), Int32(Self.pipeCapacity))
        }
        guard result == 0 else { return nil }
        made += 1
        return Pipe(readEnd: ends.0, writeEnd: ends.1)
    }

    /// Takes a pipe back. One that still holds bytes is of no use to anybody else.
    public mutating func giveBack(_ pipe: Pipe, isEmpty: Bool) {
        if isEmpty {
            free.append(pipe)
        } else {
            pipe.close()
            made -= 1
        }
    }
}
