/// The code of RFC 7541 appendix B, by which strings in HPACK may be shortened.
///
/// It is canonical: among codes of one length, and from one length to the next, they count up in the order of their symbols. So
/// the lengths say all, and decoding needs a number or two for each length.
struct HuffmanCode: Sendable {
    /// Bits of the code of each byte, and of the end of a string, which is never sent.
    private static let lengths: [UInt8] = [
        13, 23, 28, 28, 28, 28, 28, 28, 28, 24, 30, 28, 28, 30, 28, 28, 28, 28, 28, 28, 28, 28, 30, 28, 28, 28, 28, 28,
        28, 28, 28, 28, 6, 10, 10, 12, 13, 6, 8, 11, 10, 10, 8, 11, 8, 6, 6, 6, 5, 5, 5, 6, 6, 6, 6, 6, 6, 6, 7, 8, 15,
        6, 12, 10, 13, 6, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 8, 7, 8, 13, 19, 13, 14, 6,
        15, 5, 6, 5, 6, 5, 6, 6, 6, 5, 7, 7, 6, 6, 6, 5, 6, 7, 6, 5, 5, 6, 7, 7, 7, 7, 7, 15, 11, 14, 13, 28, 20, 22,
        20, 20, 22, 22, 22, 23, 22, 23, 23, 23, 23, 23, 24, 23, 24, 24, 22, 23, 24, 23, 23, 23, 23, 21, 22, 23, 22, 23,
        23, 24, 22, 21, 20, 22, 22, 23, 23, 21, 23, 22, 22, 24, 21, 22, 23, 23, 21, 21, 22, 21, 23, 22, 23, 23, 20, 22,
        22, 22, 23, 22, 22, 23, 26, 26, 20, 19, 22, 23, 22, 25, 26, 26, 26, 27, 27, 26, 24, 25, 19, 21, 26, 27, 27, 26,
        27, 24, 21, 21, 26, 26, 28, 27, 27, 27, 20, 24, 20, 21, 22, 21, 21, 23, 22, 22, 25, 25, 24, 24, 26, 23, 26, 27,
        26, 26, 27, 27, 27, 27, 27, 28, 27, 27, 27, 27, 27, 26, 30,
    ]
    private static let shortest = 5
    private static let longest = 30
    /// Codes up to this length, which all of the usual characters have, are found in one step.
    private static let direct = 10

    static let shared = HuffmanCode()

    /// By the first `direct` bits: the symbol and, in the upper byte, the length of its code; 0 where it is longer.
    private let short: [UInt16]
    /// By length: the first code that is longer, as the upper bits of 32.
    private let limits: [UInt64]
    /// By length: what is to be added to a code to have its place among `symbols`.
    private let offsets: [Int]
    /// In the order of their codes.
    private let symbols: [UInt16]
    /// Of each byte: its code and how long it is.
    private let codes: [(bits: UInt32, count: UInt8)]

    private init() {
        let order = (0...256).sorted { (Self.lengths[$0], $0) < (Self.lengths[$1], $1) }
        var short = [UInt16](repeating: 0, count: 1 << Self.direct)
        var limits = [UInt64](repeating: 0, count: Self.longest + 1)
        var offsets = [Int](repeating: 0, count: Self.longest + 1)
        var codes = [(bits: UInt32, count: UInt8)](repeating: (0, 0), count: 257)
        var code: UInt32 = 0
        var place = 0
        for length in Self.shortest...Self.longest {
            code <<= 1
            offsets[length] = place - Int(code)
            while place < order.count, Int(Self.lengths[order[place]]) == length {
                codes[order[place]] = (code, UInt8(length))
                if length <= Self.direct {
                    let first = Int(code) << (Self.direct - length)
                    for index in first..<first + 1 << (Self.direct - length) {
                        short[index] = UInt16(length) << 8 | UInt16(order[place])
                    }
                }
                code += 1
                place += 1
            }
            limits[length] = UInt64(code) << UInt64(32 - length)
        }
        (self.short, self.limits, self.offsets, self.codes) = (short, limits, offsets, codes)
        symbols = order.map { UInt16($0) }
    }

    /// Decodes a string into the beginning of `output`.
    ///
    /// - Returns: how many bytes it has; those that have no room are counted and left out. Nil where it is no string of this
    ///   code: it has the end's code in it, or ends in anything but up to seven of its first bits (RFC 7541 section 5.2).
    @_lifetime(output: copy output)
    func decode(_ bytes: Span<UInt8>, _ range: Range<Int>, into output: inout MutableSpan<UInt8>) -> Int? {
        let room = output.count
        var written = 0
        // The bits that were read and not used, the next one on top.
        var bits: UInt64 = 0
        var count = 0
        var next = range.lowerBound
        while true {
            while count <= 56, next < range.upperBound {
                bits |= UInt64(bytes[next]) << UInt64(56 - count)
                count += 8
                next += 1
            }
            guard count >= Self.shortest else { break }
            let entry = short[Int(truncatingIfNeeded: bits >> UInt64(64 - Self.direct))]
            var (symbol, length) = (entry & 0xff, Int(entry >> 8))
            if length == 0 {
                guard let found = long(bits) else { return nil }
                (symbol, length) = found
            }
            // What is left are bits that fill the last byte.
            guard length <= count else { break }
            guard symbol < 256 else { return nil }
            if written < room { output[written] = UInt8(truncatingIfNeeded: symbol) }
            written += 1
            bits <<= UInt64(length)
            count -= length
        }
        // All of the end's code are ones.
        guard count < 8, count == 0 || bits >> UInt64(64 - count) == (1 << UInt64(count)) - 1 else { return nil }
        return written
    }

    /// A code that is longer than `direct`.
    @inline(never)
    private func long(_ bits: UInt64) -> (UInt16, Int)? {
        let first = bits >> 32
        for length in Self.direct + 1...Self.longest where first < limits[length] {
            let code = Int(first >> UInt64(32 - length))
            return (symbols[code + offsets[length]], length)
        }
        return nil
    }

    /// Bytes that a string takes in this code.
    func encodedCount(_ bytes: Span<UInt8>) -> Int {
        var bits = 0
        for index in bytes.indices { bits &+= Int(codes[Int(bytes[index])].count) }
        return (bits + 7) / 8
    }

    /// Encodes a string.
    func encode(_ bytes: Span<UInt8>, to sink: (UInt8) -> Void) {
        var bits: UInt64 = 0
        var count = 0
        for index in bytes.indices {
            let code = codes[Int(bytes[index])]
            bits = bits << UInt64(code.count) | UInt64(code.bits)
            count += Int(code.count)
            while count >= 8 {
                count -= 8
                sink(UInt8(truncatingIfNeeded: bits >> UInt64(count)))
            }
        }
        if count > 0 { sink(UInt8(truncatingIfNeeded: bits << UInt64(8 - count) | 0xff >> UInt64(count))) }
    }
}
