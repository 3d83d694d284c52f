import ApusBalancing
import Glibc

/// A record of the tests' own protocol, which stands for TLS in the walk: its kind, its length, a byte to check it by, and a
/// body that is masked with a word that no other record has. So one that is lost, sent again or moved shows.
enum SealedRecord {
    enum Kind: UInt8 {
        /// 0 for the end of a direction; any other number refuses.
        case alert = 0x15
        case handshake = 0x16
        case data = 0x17
        /// The sender has another key from now on; with 1 as its body, the other side is to follow.
        case renewal = 0x18
        /// Something for a later connection, which says nothing to this one.
        case ticket = 0x19
    }

    static let header = 5
    /// Bytes of a body at most.
    static let largest = 16 << 10
    private static let version: UInt8 = 3

    static func append(
        _ kind: Kind, _ body: UnsafeRawBufferPointer, by key: inout SealedKey, to bytes: inout [UInt8]
    ) {
        let word = key.next()
        bytes += [kind.rawValue, version, UInt8(body.count >> 8), UInt8(body.count & 0xff), 0]
        let place = bytes.count - 1
        var sum: UInt64 = 0
        masked(body, by: word) { plain, sealed in
            sum = plain
            bytes.append(contentsOf: sealed)
        }
        bytes[place] = check(sum, kind, word)
    }

    static func append(_ kind: Kind, _ body: [UInt8], by key: inout SealedKey, to bytes: inout [UInt8]) {
        body.withUnsafeBytes { append(kind, $0, by: &key, to: &bytes) }
    }

    /// The kind and the length that a header gives; nil for what is none.
    static func parse(_ header: [UInt8]) -> (kind: Kind, count: Int)? {
        let count = Int(header[2]) << 8 | Int(header[3])
        guard let kind = Kind(rawValue: header[0]), header[1] == version, count <= largest else { return nil }
        return (kind, count)
    }

    /// Opens a whole record.
    ///
    /// - Returns: its body; nil when it is not what the other side has sealed.
    static func open(_ record: [UInt8], _ kind: Kind, by key: inout SealedKey) -> [UInt8]? {
        let word = key.next()
        var body: [UInt8] = []
        var sum: UInt64 = 0
        record.withUnsafeBytes { record in
            masked(UnsafeRawBufferPointer(rebasing: record[header...]), by: word) { _, opened in
                body = Array(opened)
            }
        }
        body.withUnsafeBytes { masked($0, by: word) { plain, _ in sum = plain } }
        return check(sum, kind, word) == record[4] ? body : nil
    }

    private static func check(_ sum: UInt64, _ kind: Kind, _ word: UInt64) -> UInt8 {
        var mixed = sum &* 0x9e37_79b9_7f4a_7c15 ^ word
        mixed ^= mixed >> 32
        mixed ^= mixed >> 16
        return UInt8(truncatingIfNeeded: mixed ^ mixed >> 8) ^ kind.rawValue
    }

    /// Gives the bytes masked, and the sum of what they were.
    private static func masked(
        _ bytes: UnsafeRawBufferPointer, by word: UInt64, _ use: (UInt64, UnsafeRawBufferPointer) -> Void
    ) {
        let count = (bytes.count + 7) / 8
        withUnsafeTemporaryAllocation(of: UInt64.self, capacity: count + 1) { words in
            guard let start = words.baseAddress else { return }
            start[max(0, count - 1)] = 0
            if let base = bytes.baseAddress { memcpy(start, base, bytes.count) }
            var sum = UInt64(bytes.count)
            var place = start
            var left = count
            while left > 0 {
                sum = sum &+ place.pointee
                place.pointee ^= word
                place += 1
                left -= 1
            }
            use(sum, UnsafeRawBufferPointer(start: start, count: bytes.count))
        }
    }
}

/// What the records of one direction are masked with.
struct SealedKey {
    private var secret: UInt64
    private var sequence: UInt64 = 0

    init(_ secret: UInt64) { self.secret = secret }

    /// It has masked nothing yet.
    var isFresh: Bool { sequence == 0 }

    mutating func next() -> UInt64 {
        sequence &+= 1
        var mixer = SplitMix64(seed: secret &+ sequence &* 0x2545_f491_4f6c_dd1d)
        // No text looks like text.
        return mixer.next() | 0x8080_8080_8080_8080
    }

    mutating func renew() {
        var mixer = SplitMix64(seed: ~secret)
        secret = mixer.next()
    }
}
