/// The normal form of a path (RFC 3986 sections 6.2.2 and 5.2.4): what routes see, so that no other spelling leads past
/// one.
///
/// `.` and `..` segments are resolved, also where they are written with `%2e`; escapes of unreserved characters are
/// decoded; the hexadecimal digits of the others become upper case. Everything else stays: `%2F` and `%5C`, a backslash,
/// doubled slashes, and a `%` that begins no escape. What is decoded is not decoded again.
///
/// It is the first of the `PathReadings` of a path.
public enum PathNormalization {
    /// Whether the path at `range` of `bytes` is in its normal form and has no other reading: true for nearly every
    /// request. One that has an escape, a `;`, a backslash, an empty segment or one that begins with a dot is looked at
    /// more closely, by `PathOddities`.
    ///
    /// One pass, eight bytes at a time. What follows the path in `bytes` may be loaded, and is not looked at.
    public static func isPlain(_ range: Range<Int>, of bytes: Span<UInt8>) -> Bool {
        var offset = range.lowerBound
        let end = range.upperBound
        // The high bit of the lowest byte: whether the byte before a word is no slash.
        var carry: UInt64 = 0x80
        while end &- offset >= 8 {
            if isMarked(bytes.word(at: offset) & lowBits, &carry) { return false }
            offset &+= 8
        }
        guard offset < end else { return true }
        let last = offset &+ 8 <= bytes.count ? bytes.word(at: offset) : lastWord(bytes, from: offset)
        return !isMarked(last & lowBits &>> UInt64(truncatingIfNeeded: (offset &+ 8 &- end) &* 8), &carry)
    }

    /// Whether one of eight bytes is a mark, or begins a segment with a dot or a slash. No byte of a target has its high bit
    /// set: without it, what is no target is at most taken for one that must be looked at.
    @inline(__always)
    private static func isMarked(_ word: UInt64, _ carry: inout UInt64) -> Bool {
        // The high bits of the bytes that are not these: adding 0x7f reaches them from 1 on, and goes no further.
        let others =
            differing(word, from: percent) & differing(word, from: semicolon) & differing(word, from: backslash)
        let notSlash = differing(word, from: slash)
        // `.` and `/` differ in their lowest bit.
        let notSecond = differing(word | ones, from: slash)
        let plain = others & (notSecond | notSlash &<< 8 | carry) & highBits
        carry = notSlash &>> 56 & 0x80
        return plain != highBits
    }

    @inline(__always)
    private static func differing(_ word: UInt64, from byte: UInt8) -> UInt64 {
        (word ^ UInt64(byte) &* ones) &+ lowBits
    }

    /// The bytes from `offset` to the end, fewer than eight, the first in the lowest bits.
    @inline(never)
    private static func lastWord(_ bytes: Span<UInt8>, from offset: Int) -> UInt64 {
        var word: UInt64 = 0
        var last = bytes.count
        while last > offset {
            last &-= 1
            word = word &<< 8 | UInt64(bytes[last])
        }
        return word
    }

    /// Normalizes the path that `path` holds, in place: it never becomes longer.
    ///
    /// What does not begin with a slash, such as `*`, stays as it is.
    ///
    /// - Returns: how many bytes of `path`, from its start, are the normalized one.
    /// - Throws: `Reason.badPath` when `..` leads above the root.
    @_lifetime(path: copy path)
    public static func normalize(_ path: inout MutableSpan<UInt8>) throws(Reason) -> Int {
        try PathReading.normal.apply(to: &path)
    }

    /// `path`, normalized.
    public static func normalized(_ path: [UInt8]) throws(Reason) -> [UInt8] { try PathReading.normal.of(path) }
}

let percent: UInt8 = 0x25
let dot: UInt8 = 0x2e
let slash: UInt8 = 0x2f
let backslash: UInt8 = 0x5c
