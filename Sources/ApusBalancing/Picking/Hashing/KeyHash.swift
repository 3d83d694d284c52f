public import ApusAddresses
import ApusModel

/// The hash by which requests with the same key find the same endpoint: 64 bits, the same on every balancer, in every
/// build and after every restart.
///
/// The construction is the folded multiplication of wyhash (Wang Yi, 2019): sixteen bytes at a time are multiplied to 128
/// bits, of which the halves are added without carry. What was multiplied is added as well, so that a factor of zero loses
/// nothing. The constants are digits of pi. The answers are fixed by vectors in the tests: a change of any of them would
/// move every client of every pool to another endpoint.
///
/// There is no secret in it: a balancer with one of its own would send clients elsewhere than its neighbours do. Who
/// knows the endpoints' names can choose keys that meet at one of them; `HashRules.loadFactor` bounds what comes of it.
///
/// Cost: one multiplication per 16 bytes and two at the end.
public enum KeyHash {
    /// The hash of a key's bytes. The empty key has one too.
    @inlinable
    public static func of(_ bytes: Span<UInt8>) -> UInt64 {
        let count = bytes.count
        var state = start
        var offset = 0
        while count &- offset > 16 {
            state = folded(bytes.word(at: offset) ^ firstConstant, bytes.word(at: offset &+ 8) ^ state)
            offset &+= 16
        }
        let left = count &- offset
        // More than 8: two words that overlap, so that no byte is read alone.
        let low = left >= 8 ? bytes.word(at: offset) : bytes.shortWord(from: offset)
        let high = left > 8 ? bytes.word(at: count &- 8) : 0
        return finished(low, high, state, count: count)
    }

    /// The hash of two words: that of their sixteen bytes, the lowest first.
    @inlinable
    public static func of(_ first: UInt64, _ second: UInt64) -> UInt64 {
        finished(first, second, start, count: 16)
    }

    /// The hash of the first bits of a client's address, so that the addresses of one network are one key.
    ///
    /// - Parameters:
    ///   - ipv4Prefix: how many bits of an IPv4 address count, 0 to 32.
    ///   - ipv6Prefix: how many bits of an IPv6 address count, 0 to 128; a single client usually has a network of 64
    ///     (RFC 4291 section 2.5.1) and changes its address within (RFC 8981).
    @inlinable
    public static func of(_ address: IPAddress, ipv4Prefix: Int = 32, ipv6Prefix: Int = 64) -> UInt64 {
        // An IPv4 address is the end of one of IPv6 (`IPAddress`).
        let bits = address.isIPv4 ? 96 + ipv4Prefix : ipv6Prefix
        let high = bits >= 64 ? address.high : address.high & ~(UInt64.max >> bits)
        let low = bits >= 128 ? address.low : address.low & ~(UInt64.max >> max(0, bits - 64))
        return of(high, low)
    }

    /// A hash of `value` in which every bit depends on every bit of it: the mix of `SplitMix64`.
    @inlinable @inline(__always)
    static func mixed(_ value: UInt64) -> UInt64 {
        var mixed = value
        mixed = (mixed ^ (mixed &>> 30)) &* 0xbf58_476d_1ce4_e5b9
        mixed = (mixed ^ (mixed &>> 27)) &* 0x94d0_49bb_1331_11eb
        return mixed ^ (mixed &>> 31)
    }

    /// The `number`-th hash of a key whose first, with number 0, is `hash`.
    @inlinable @inline(__always)
    static func rehashed(_ hash: UInt64, _ number: Int) -> UInt64 {
        mixed(hash &+ UInt64(truncatingIfNeeded: number) &* 0x9e37_79b9_7f4a_7c15)
    }

    /// The place of `hash` among `count`, by one multiplication: its highest bits decide.
    @inlinable @inline(__always)
    static func place(of hash: UInt64, among count: Int) -> Int {
        Int(truncatingIfNeeded: hash.multipliedFullWidth(by: UInt64(truncatingIfNeeded: count)).high)
    }

    @inlinable @inline(__always)
    static var start: UInt64 { 0x243f_6a88_85a3_08d3 }
    @inlinable @inline(__always)
    static var firstConstant: UInt64 { 0x1319_8a2e_0370_7344 }
    @inlinable @inline(__always)
    static var secondConstant: UInt64 { 0xa409_3822_299f_31d0 }

    @inlinable @inline(__always)
    static func folded(_ one: UInt64, _ other: UInt64) -> UInt64 {
        let product = one.multipliedFullWidth(by: other)
        return product.high ^ product.low ^ one ^ other
    }

    @inlinable @inline(__always)
    static func finished(_ low: UInt64, _ high: UInt64, _ state: UInt64, count: Int) -> UInt64 {
        let last = folded(low ^ firstConstant, high ^ state)
        return mixed(last ^ (UInt64(truncatingIfNeeded: count) &* secondConstant))
    }
}

extension Span where Element == UInt8 {
    /// The eight bytes at `offset`, the first in the lowest bits. Traps outside the span.
    @inlinable @inline(__always)
    func word(at offset: Int) -> UInt64 {
        // Bounds are checked by the load, and any eight bytes are a UInt64.
        UInt64(littleEndian: unsafe bytes.unsafeLoadUnaligned(fromByteOffset: offset, as: UInt64.self))
    }

    /// The bytes from `offset` to the end, fewer than eight, the first in the lowest bits.
    @inlinable @inline(__always)
    func shortWord(from offset: Int) -> UInt64 {
        var word: UInt64 = 0
        var last = count
        while last > offset {
            last &-= 1
            word = word &<< 8 | UInt64(self[last])
        }
        return word
    }
}
