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
}

/// The pipes of one worker: made when needed, kept for reuse, few. Used by one thread.
struct PipePool: ~Copyable {
    /// Bytes that a pipe holds, if the system allows that much.
    static let pipeCapacity = 256 << 10

    private var free: [Pipe] = []
    /// Pipes that there are, in use or kept.
    private(set) var made = 0
    private let limit: Int
    private let descriptorBound: Int32
    private let script: (any ScriptedNetwork)?

    /// - Parameters:
    ///   - limit: pipes at most; each is two descriptors.
    ///   - descriptorBound: descriptors from this one on are not for pipes.
    ///   - script: what makes them instead of the system.
    init(limit: Int, descriptorBound: Int32 = .max, script: (any ScriptedNetwork)?) {
        self.limit = limit
        self.descriptorBound = descriptorBound
        self.script = script
    }

    deinit { for pipe in free { close(pipe) } }

    /// An empty pipe; nil when there are enough, or the system has none.
    mutating func take() -> Pipe? {
        if let pipe = free.popLast() { return pipe }
        guard made < limit, let pipe = make() else { return nil }
        made += 1
        return pipe
    }

    /// Takes a pipe back. One that still holds bytes is of no use to anybody else.
    mutating func giveBack(_ pipe: Pipe, isEmpty: Bool) {
        if isEmpty {
            free.append(pipe)
        } else {
            close(pipe)
            made -= 1
        }
    }

    private func make() -> Pipe? {
        if let script { return script.makePipe().map { Pipe(readEnd: $0.readEnd, writeEnd: $0.writeEnd) } }
        var ends: (Int32, Int32) = (-1, -1)
        let result = unsafe withUnsafeMutableBytes(of: &ends) { ends in
            unsafe apus_pipe(ends.baseAddress?.assumingMemoryBound(to: Int32.self), Int32(Self.pipeCapacity))
        }
        guard result == 0 else { return nil }
        let pipe = Pipe(readEnd: ends.0, writeEnd: ends.1)
        guard max(ends.0, ends.1) < descriptorBound else {
            close(pipe)
            return nil
        }
        return pipe
    }

    private func close(_ pipe: Pipe) {
        for end in [pipe.readEnd, pipe.writeEnd] {
            if let script { script.close(end) } else { Socket(descriptor: end).close() }
        }
    }
}
