import Glibc

/// Bytes that a client or an origin has to send: heads as they are, bodies as pieces of `Content`.
struct Outgoing {
    private enum Piece {
        case bytes([UInt8])
        case content(start: Int, count: Int)

        var count: Int {
            switch self {
            case .bytes(let bytes): bytes.count
            case .content(_, let count): count
            }
        }
    }

    private var pieces: [Piece] = []
    private var first = 0
    /// Bytes of the first piece that are sent.
    private var offset = 0
    private(set) var sent = 0
    /// All that was ever appended.
    private(set) var total = 0

    var isEmpty: Bool { first == pieces.count }

    mutating func append(_ text: String) { append(.bytes(Array(text.utf8))) }

    /// A body of that seed, as it is.
    mutating func append(body seed: Int, count: Int, from offset: Int = 0) {
        if count > 0 { append(.content(start: Content.start(seed) + offset, count: count)) }
    }

    /// A body of that seed in chunks of random sizes.
    mutating func append(chunksOf seed: Int, count: Int, trailer: String, sizes: () -> Int) {
        var offset = 0
        while offset < count {
            let size = min(count - offset, max(1, sizes()))
            append(String(size, radix: 16) + "\r\n")
            append(body: seed, count: size, from: offset)
            append("\r\n")
            offset += size
        }
        append("0\r\n\(trailer)\r\n")
    }

    private mutating func append(_ piece: Piece) {
        total += piece.count
        pieces.append(piece)
    }

    /// Sends up to `most` bytes.
    ///
    /// - Returns: how many, or minus an errno when it was none.
    mutating func send(_ most: Int, by voice: Voice) -> Int {
        var left = most
        var count = 0
        while left > 0, first < pieces.count {
            let size = min(left, pieces[first].count - offset)
            let result =
                switch pieces[first] {
                case .bytes(let bytes):
                    bytes.withUnsafeBytes {
                        voice.send(UnsafeRawBufferPointer(rebasing: $0[offset..<offset + size]))
                    }
                case .content(let start, _):
                    Content.text.withUnsafeBytes {
                        let from = start + offset
                        return voice.send(UnsafeRawBufferPointer(rebasing: $0[from..<from + size]))
                    }
                }
            guard result > 0 else { return count > 0 ? count : result }
            count += result
            left -= result
            offset += result
            sent += result
            if offset == pieces[first].count {
                offset = 0
                first += 1
                if first == pieces.count {
                    pieces.removeAll()
                    first = 0
                }
            }
            if result < size { break }
        }
        return count
    }
}
