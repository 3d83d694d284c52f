import ApusBalancing
import Glibc

/// What bodies are made of: pieces of one long random text, each at the place that its seed names.
///
/// Whoever has the seed knows every byte of the body, so that one byte of another exchange, or one at a wrong place, shows.
enum Content {
    /// Bytes of a body at most.
    static let longest = 1 << 20

    static let text: [UInt8] = {
        var random = SplitMix64(seed: 1)
        var text: [UInt8] = []
        text.reserveCapacity(2 * longest)
        while text.count < 2 * longest {
            let word = random.next()
            for shift in 0..<8 { text.append(UInt8(truncatingIfNeeded: word >> UInt64(8 * shift))) }
        }
        return text
    }()

    /// Where the body of that seed begins in the text.
    static func start(_ seed: Int) -> Int {
        var random = SplitMix64(seed: UInt64(truncatingIfNeeded: seed))
        return random.next(below: longest)
    }

    /// Whether these are the bytes from `offset` of the body of that seed.
    static func matches(_ bytes: UnsafeRawBufferPointer, seed: Int, from offset: Int) -> Bool {
        guard offset + bytes.count <= longest else { return false }
        guard let base = bytes.baseAddress else { return true }
        return text.withUnsafeBytes { memcmp($0.baseAddress! + start(seed) + offset, base, bytes.count) == 0 }
    }
}

/// Where some bytes are found first.
func position(of wanted: [UInt8], in bytes: UnsafeRawBufferPointer) -> Int? {
    guard let base = bytes.baseAddress, let first = wanted.first else { return nil }
    var offset = 0
    while offset + wanted.count <= bytes.count {
        let left = bytes.count - offset - wanted.count + 1
        guard let found = memchr(base + offset, Int32(first), left) else { return nil }
        offset = UnsafeRawPointer(found) - base
        if memcmp(found, wanted, wanted.count) == 0 { return offset }
        offset += 1
    }
    return nil
}

/// Bytes that wait, first in, first out.
struct ByteQueue {
    private var bytes: [UInt8] = []
    private var start = 0

    var count: Int { bytes.count - start }
    var isEmpty: Bool { count == 0 }

    mutating func append(_ more: UnsafeRawBufferPointer) { bytes.append(contentsOf: more) }

    /// Takes as many as there are and fit.
    mutating func take(into target: UnsafeMutableRawBufferPointer) -> Int {
        let taken = min(count, target.count)
        withFirst(taken) { target.copyMemory(from: $0) }
        drop(taken)
        return taken
    }

    func withFirst<Result>(_ count: Int, _ body: (UnsafeRawBufferPointer) -> Result) -> Result {
        bytes.withUnsafeBytes { body(UnsafeRawBufferPointer(rebasing: $0[start..<start + count])) }
    }

    /// Moves the first bytes behind those of another.
    mutating func move(_ count: Int, to other: inout ByteQueue) {
        withFirst(count) { other.append($0) }
        drop(count)
    }

    mutating func drop(_ count: Int) {
        start += count
        if start == bytes.count {
            bytes.removeAll(keepingCapacity: bytes.count <= 1 << 16)
            start = 0
        } else if start > 1 << 16 {
            bytes.removeFirst(start)
            start = 0
        }
    }

    /// Forgets all but the first.
    mutating func cut(to count: Int) {
        guard count < self.count else { return }
        bytes.removeLast(self.count - count)
    }
}
