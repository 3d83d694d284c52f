import CApusZlib
import NIOCore

/// Compresses bytes that come in pieces (RFC 1952).
@safe final class GzipStream {
    // SAFETY: made in `init`, given to zlib alone, and ended in `deinit`.
    private let stream: OpaquePointer
    private var output = ByteBuffer()
    private(set) var pieces: [ByteBuffer] = []
    private var hasFailed = false

    /// Pieces of the output have this many bytes, except the last.
    private static let pieceBytes = 64 << 10
    /// Text of metrics becomes 16 times smaller at the first level already, and hardly smaller at slower ones.
    private static let level: Int32 = 1

    /// - Returns: nil when zlib cannot allocate its state.
    init?() {
        guard let stream = unsafe apus_gzip_begin(Self.level) else { return nil }
        unsafe self.stream = stream
    }

    // SAFETY: nobody has the stream but this object, which ends here.
    deinit { unsafe apus_gzip_end(stream) }

    func write(_ bytes: ByteBuffer) { step(bytes, isLast: false) }

    /// All that was written, compressed; nil when something went wrong.
    func finish() -> [ByteBuffer]? {
        step(ByteBuffer(), isLast: true)
        if output.readableBytes > 0 { pieces.append(output) }
        return hasFailed ? nil : pieces
    }

    private func step(_ bytes: ByteBuffer, isLast: Bool) {
        var bytes = bytes
        var isDone = false
        while !isDone, !hasFailed {
            output.reserveCapacity(Self.pieceBytes)
            let room = Self.pieceBytes - output.readableBytes
            let (result, taken, made) = compress(bytes, room: room, isLast: isLast)
            bytes.moveReaderIndex(forwardBy: taken)
            hasFailed = result < 0
            if output.readableBytes == Self.pieceBytes {
                pieces.append(output)
                output = ByteBuffer()
            }
            isDone = isLast ? result == 1 : bytes.readableBytes == 0 && made < room
        }
    }

    /// Appends to `output`.
    private func compress(_ bytes: ByteBuffer, room: Int, isLast: Bool) -> (result: Int32, taken: Int, made: Int) {
        var result: Int32 = 0
        var taken = 0
        var made = 0
        // SAFETY: the call reads and writes within the two buffers, whose bounds it is given, and keeps neither.
        unsafe output.writeWithUnsafeMutableBytes(minimumWritableBytes: room) { output in
            unsafe bytes.withUnsafeReadableBytes { input in
                result = unsafe apus_gzip_step(
                    stream, input.baseAddress?.assumingMemoryBound(to: UInt8.self), input.count, &taken,
                    output.baseAddress?.assumingMemoryBound(to: UInt8.self), min(room, output.count), &made,
                    isLast ? 1 : 0)
            }
            return made
        }
        return (result, taken, made)
    }
}
