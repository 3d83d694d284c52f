/// Questions about bytes that the parsers ask, answered without tables and without branching on each byte where possible.

/// Whether `byte` may stand in a token: a method, a field name (RFC 9110 section 5.6.2).
@inlinable @inline(__always)
func isTokenByte(_ byte: UInt8) -> Bool {
    // One bit per ASCII character: ! # $ % & ' * + - . ^ _ ` | ~ 0-9 A-Z a-z.
    let low: UInt64 = 0x03ff_6cfa_0000_0000
    let high: UInt64 = 0x57ff_ffff_c7ff_fffe
    let bits = byte & 0x40 == 0 ? low : high
    return byte < 0x80 && (bits >> UInt64(byte & 0x3f)) & 1 == 1
}

/// Whether `byte` may stand in a field value: visible, space, tab or obs-text (RFC 9110 section 5.5).
@inlinable @inline(__always)
func isFieldValueByte(_ byte: UInt8) -> Bool {
    (byte >= 0x20 && byte != 0x7f) || byte == 0x09
}

/// Whether `byte` may stand in a request target: visible ASCII other than `#`, which no target may contain
/// (RFC 9112 section 3.2; a fragment smuggled into a target is read differently by different servers).
@inlinable @inline(__always)
func isTargetByte(_ byte: UInt8) -> Bool {
    byte > 0x20 && byte < 0x7f && byte != 0x23
}

@inlinable @inline(__always)
func lowercased(_ byte: UInt8) -> UInt8 {
    byte &- 0x41 < 26 ? byte | 0x20 : byte
}

@inlinable @inline(__always)
func isDigit(_ byte: UInt8) -> Bool { byte &- 0x30 < 10 }

/// The value of a hexadecimal digit, or nil.
@inlinable @inline(__always)
func hexValue(_ byte: UInt8) -> UInt8? {
    if byte &- 0x30 < 10 { return byte &- 0x30 }
    let letter = (byte | 0x20) &- 0x61
    return letter < 6 ? letter + 10 : nil
}

@usableFromInline let cr: UInt8 = 0x0d
@usableFromInline let lf: UInt8 = 0x0a
@usableFromInline let space: UInt8 = 0x20
@usableFromInline let tab: UInt8 = 0x09
@usableFromInline let colon: UInt8 = 0x3a
@usableFromInline let comma: UInt8 = 0x2c

// Questions about eight bytes at once. Each answers with the high bit of every byte of which it is true, exactly: no
// carry passes from one byte to the next, since the seven low bits are added to less than 0x80.

@usableFromInline let highBits: UInt64 = 0x8080_8080_8080_8080
@usableFromInline let lowBits: UInt64 = 0x7f7f_7f7f_7f7f_7f7f
@usableFromInline let ones: UInt64 = 0x0101_0101_0101_0101

/// The bytes from `first` through `last`, both below 0x80.
@inlinable @inline(__always)
func mask(of word: UInt64, from first: UInt8, through last: UInt8) -> UInt64 {
    let low = word & lowBits
    let atLeast = low &+ (0x80 &- UInt64(first)) &* ones
    let above = low &+ (0x7f &- UInt64(last)) &* ones
    return atLeast & ~above & ~word & highBits
}

/// The bytes equal to `byte`, which is below 0x80.
@inline(__always)
func mask(of word: UInt64, equalTo byte: UInt8) -> UInt64 {
    let difference = word ^ UInt64(byte) &* ones
    return ~((difference & lowBits) &+ lowBits | difference) & highBits
}

/// The bytes that are ASCII letters.
@inline(__always)
private func letters(in word: UInt64) -> UInt64 {
    mask(of: word | 0x20 &* ones, from: 0x61, through: 0x7a)
}

/// Whether each byte of `word` is that of `lower`, or the upper case of it. `lower` has no upper case letters.
@inlinable @inline(__always)
func areSame(_ word: UInt64, _ lower: UInt64) -> Bool {
    // Upper and lower case of a letter differ in one bit, 0x20.
    (word ^ lower) & ~(mask(of: lower, from: 0x61, through: 0x7a) &>> 2) == 0
}

extension Span where Element == UInt8 {
    /// The eight bytes at `offset`, the first in the lowest bits. Traps outside the span.
    @inlinable @inline(__always)
    func word(at offset: Int) -> UInt64 {
        // Bounds are checked by the load, and any eight bytes are a UInt64.
        UInt64(littleEndian: unsafe bytes.unsafeLoadUnaligned(fromByteOffset: offset, as: UInt64.self))
    }

    /// The four bytes at `offset`, the first in the lowest bits. Traps outside the span.
    @inlinable @inline(__always)
    func halfWord(at offset: Int) -> UInt64 {
        // As `word`.
        UInt64(UInt32(littleEndian: unsafe bytes.unsafeLoadUnaligned(fromByteOffset: offset, as: UInt32.self)))
    }

    /// The first offset from `start` whose byte is a control character or DEL; `count` if there is none.
    ///
    /// Looks at eight bytes at a time; a tab stops it too, so that the caller decides.
    @inline(__always)
    func firstControl(from start: Int) -> Int {
        var offset = start
        let end = count
        while offset &+ 8 <= end {
            let word = self.word(at: offset)
            // Sets the top bit of each byte below 0x20 or equal to 0x7f; borrows only ever come from a byte that is
            // itself a hit, so the lowest set bit is exact.
            let below = (word &- 0x2020_2020_2020_2020) & ~word
            let delete = word ^ 0x7f7f_7f7f_7f7f_7f7f
            let isDelete = (delete &- 0x0101_0101_0101_0101) & ~delete
            let hits = (below | isDelete) & 0x8080_8080_8080_8080
            if hits != 0 { return offset &+ hits.trailingZeroBitCount >> 3 }
            offset &+= 8
        }
        while offset < end {
            let byte = self[offset]
            if byte < 0x20 || byte == 0x7f { return offset }
            offset &+= 1
        }
        return end
    }

    /// The first offset from `start` whose byte may not stand in a token; `count` if there is none.
    ///
    /// Letters and hyphens, which is what field names are made of, are looked at eight at a time.
    ///
    /// - Parameter isOdd: becomes true if there are other characters before it than letters, digits and hyphens.
    @inline(__always)
    func tokenEnd(from start: Int, isOdd: inout Bool) -> Int {
        var offset = start
        while offset &+ 8 <= count {
            let word = self.word(at: offset)
            let usual = letters(in: word) | mask(of: word, equalTo: 0x2d)
            guard usual != highBits else {
                offset &+= 8
                continue
            }
            offset &+= (~usual & highBits).trailingZeroBitCount &>> 3
            // What ends nearly every name.
            if self[offset] == colon { return offset }
            break
        }
        return unusualTokenEnd(from: offset, isOdd: &isOdd)
    }

    /// As `tokenEnd`, one byte after the other.
    @inline(never)
    private func unusualTokenEnd(from start: Int, isOdd: inout Bool) -> Int {
        var offset = start
        while offset < count, isTokenByte(self[offset]) {
            if folded(self[offset]) == 0x2d, self[offset] != 0x2d { isOdd = true }
            offset &+= 1
        }
        return offset
    }

    /// An offset in `range` before which there are letters, digits, hyphens and dots only, which is what hosts are made
    /// of: looked at eight at a time, so that up to seven of them may stand behind it.
    @inline(__always)
    func plainNameEnd(in range: Range<Int>) -> Int {
        var offset = range.lowerBound
        while offset &+ 8 <= range.upperBound {
            let word = self.word(at: offset)
            let digits = mask(of: word, from: 0x30, through: 0x39)
            let marks = mask(of: word, from: 0x2d, through: 0x2e)
            guard letters(in: word) | digits | marks == highBits else { return offset }
            offset &+= 8
        }
        return offset
    }

    /// The first offset from `start` whose byte may not stand in a request target; `count` if there is none.
    func targetEnd(from start: Int) -> Int {
        var offset = start
        while offset &+ 8 <= count {
            let word = self.word(at: offset)
            // Visible is 0x21...0x7e; of these `#` is left out.
            let stops = ~mask(of: word, from: 0x21, through: 0x7e) | mask(of: word, equalTo: 0x23)
            if stops & highBits != 0 { return offset &+ (stops & highBits).trailingZeroBitCount &>> 3 }
            offset &+= 8
        }
        while offset < count, isTargetByte(self[offset]) { offset &+= 1 }
        return offset
    }

    /// The first offset in `range` whose byte is `byte`, which is below 0x80; the range's end if there is none.
    public func first(_ byte: UInt8, in range: Range<Int>) -> Int {
        var offset = range.lowerBound
        while offset &+ 8 <= range.upperBound {
            let hits = mask(of: word(at: offset), equalTo: byte)
            if hits != 0 { return offset &+ hits.trailingZeroBitCount &>> 3 }
            offset &+= 8
        }
        while offset < range.upperBound, self[offset] != byte { offset &+= 1 }
        return offset
    }

    /// Whether the bytes of `range` are `text`, which is lower case, whatever their own case.
    @inlinable
    public func equalsIgnoringCase(_ range: Range<Int>, _ text: StaticString) -> Bool {
        let count = range.count
        guard count == text.utf8CodeUnitCount else { return false }
        // A literal's bytes live for ever, and what is read of them ends before their count.
        let expected = unsafe UnsafeRawBufferPointer(start: text.utf8Start, count: count)
        guard count >= 8 else {
            guard count >= 4 else {
                for index in 0..<count where lowercased(self[range.lowerBound &+ index]) != (unsafe expected[index]) {
                    return false
                }
                return true
            }
            // The first four bytes and the last four, which may be some of the same.
            let first = unsafe expected.loadUnaligned(as: UInt32.self)
            let last = unsafe expected.loadUnaligned(fromByteOffset: count &- 4, as: UInt32.self)
            let letters = UInt64(UInt32(littleEndian: first)) | UInt64(UInt32(littleEndian: last)) &<< 32
            let start = range.lowerBound
            return areSame(halfWord(at: start) | halfWord(at: start &+ count &- 4) &<< 32, letters)
        }
        // Eight bytes at a time; the last eight may include some that were compared before.
        var offset = 0
        while true {
            let letters = unsafe UInt64(littleEndian: expected.loadUnaligned(fromByteOffset: offset, as: UInt64.self))
            guard areSame(word(at: range.lowerBound &+ offset), letters) else { return false }
            if offset == count &- 8 { return true }
            offset = Swift.min(offset &+ 8, count &- 8)
        }
    }

    /// Whether the bytes of `range` are a token (RFC 9110 section 5.6.2).
    public func isToken(_ range: Range<Int>) -> Bool {
        for index in range where !isTokenByte(self[index]) { return false }
        return !range.isEmpty
    }

    /// Whether the bytes of two ranges are the same, whatever their case.
    func equalIgnoringCase(_ one: Range<Int>, _ other: Range<Int>) -> Bool {
        guard one.count == other.count else { return false }
        for index in 0..<one.count
        where lowercased(self[one.lowerBound + index]) != lowercased(self[other.lowerBound + index]) {
            return false
        }
        return true
    }

    /// `range` without the spaces and tabs at its ends (OWS, RFC 9110 section 5.6.3).
    @inlinable
    public func trimmed(_ range: Range<Int>) -> Range<Int> {
        var start = range.lowerBound
        var end = range.upperBound
        while start < end, self[start] == space || self[start] == tab { start &+= 1 }
        while end > start, self[end &- 1] == space || self[end &- 1] == tab { end &-= 1 }
        return start..<end
    }
}
