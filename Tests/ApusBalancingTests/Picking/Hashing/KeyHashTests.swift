import ApusAddresses
import ApusBalancing
import ApusModel
import Testing

@Suite struct KeyHashTests {
    static func hash(_ text: String) -> UInt64 { KeyHash.of(Array(text.utf8).span) }

    /// Bytes 0, 1, 2 and so on.
    static func counting(_ count: Int) -> [UInt8] { (0..<count).map { UInt8(truncatingIfNeeded: $0) } }

    // MARK: It never changes

    /// Whoever must change these moves every client of every pool to another endpoint, and says so in the release notes.
    static let vectors: [(String, UInt64)] = [
        ("", 0xf56a_7383_e41e_5214),
        ("a", 0x8004_2d96_1ddc_2cfd),
        ("b", 0x51f7_2246_5588_b484),
        ("abc", 0x97cd_9822_56e4_cf42),
        ("user-1", 0x05a3_b895_f0cb_f3ae),
        ("user-2", 0x7545_9b8e_2b8f_e604),
        ("12345678", 0x0b68_3b89_ca1c_1ea2),
        ("/static/app.css", 0x6d51_d8f2_995c_c4ba),
        ("session=0123456789abcdef", 0x450e_d12b_931a_a6b0),
        ("10.0.0.1:8080", 0x0dbc_fa53_ab1a_60f0),
        ("The quick brown fox jumps over the lazy dog", 0x679a_c9bb_783b_9944),
    ]

    @Test(arguments: vectors)
    func neverChanges(key: String, expected: UInt64) {
        #expect(Self.hash(key) == expected)
    }

    static let countingVectors: [(Int, UInt64)] = [
        (1, 0x78c6_17c6_6176_a5c0),
        (4, 0xc391_6f84_9f10_d918),
        (7, 0x5c52_819b_6d0a_622a),
        (8, 0x7ecb_7202_3225_e97a),
        (9, 0x9e3f_58e0_cea0_e086),
        (15, 0xea70_c938_f4cc_f861),
        (16, 0xea3b_b3a1_8644_f185),
        (17, 0x93b8_1498_5d02_bdac),
        (31, 0xd5ff_37c7_1248_6c8a),
        (32, 0x0c9d_e4a0_ddd5_d6b9),
        (33, 0x2ffa_b483_bd82_133e),
        (48, 0xa561_eb28_b2f7_1a5c),
        (255, 0xea1c_4649_4d05_920c),
        (1000, 0x7e43_c437_779d_64d7),
    ]

    @Test(arguments: countingVectors)
    func neverChangesAtAnyLength(count: Int, expected: UInt64) {
        #expect(KeyHash.of(Self.counting(count).span) == expected)
    }

    @Test func neverChangesForAddresses() {
        #expect(KeyHash.of(IPAddress(ipv4: 0x0a01_0203)) == 0x8aa3_7533_ea2f_eaed)
        #expect(KeyHash.of(IPAddress(high: 0x2001_0db8_0000_0001, low: 5)) == 0xb7d0_f4ce_86d1_856e)
        #expect(KeyHash.of(1, 2) == 0xf695_b719_c2f4_8a08)
    }

    // MARK: Every byte counts

    @Test func aChangeOfOneBitChangesHalfOfTheHash() {
        var random = SplitMix64(seed: 31)
        for count in [3, 4, 7, 8, 9, 15, 16, 17, 33] {
            // How often each bit of the hash changed, whichever bit of the key did.
            var flips = Array(repeating: 0, count: 64)
            var tries = 0
            for _ in 0..<(1_000 / count) {
                var key = (0..<count).map { _ in UInt8(truncatingIfNeeded: random.next()) }
                let before = KeyHash.of(key.span)
                for bit in 0..<count * 8 {
                    key[bit / 8] ^= 1 << UInt8(bit % 8)
                    let changed = before ^ KeyHash.of(key.span)
                    key[bit / 8] ^= 1 << UInt8(bit % 8)
                    for output in 0..<64 where changed >> UInt64(output) & 1 == 1 { flips[output] += 1 }
                    tries += 1
                }
            }
            // 8,000 tries: a deviation of 0.0056; nearly five of these.
            for flips in flips { #expect(abs(Double(flips) / Double(tries) - 0.5) < 0.025, "\(count) bytes") }
        }
    }

    @Test func keysThatDifferOnlyInLengthDiffer() {
        var seen: Set<UInt64> = []
        for byte: UInt8 in [0, 1, 0xff] {
            for count in 0..<70 { seen.insert(KeyHash.of(Array(repeating: byte, count: count).span)) }
        }
        #expect(seen.count == 3 * 69 + 1)
    }

    @Test func everyByteOfALongKeyCounts() {
        for count in [16, 17, 31, 32, 33, 64, 100] {
            var key = Self.counting(count)
            let before = KeyHash.of(key.span)
            for index in 0..<count {
                key[index] ^= 0x80
                #expect(KeyHash.of(key.span) != before, "byte \(index) of \(count)")
                key[index] ^= 0x80
            }
        }
    }

    // MARK: Keys that look alike are spread evenly

    static let families: [(String, @Sendable (Int) -> UInt64)] = [
        ("user-1, user-2, …", { hash("user-\($0)") }),
        ("00000001, 00000002, …", { hash(String(repeating: "0", count: 8 - String($0).count) + String($0)) }),
        ("/static/img/1.png, …", { hash("/static/img/\($0).png") }),
        ("10.0.0.0, 10.0.0.1, …", { KeyHash.of(IPAddress(ipv4: 0x0a00_0000 + UInt32($0))) }),
        ("2001:db8:0:1::, 2001:db8:0:2::, …", { KeyHash.of(IPAddress(high: 0x2001_0db8 << 32 + UInt64($0), low: 1)) }),
        ("words of one bit more", { KeyHash.of(UInt64($0) << 40, 0) }),
    ]

    @Test(arguments: families.indices)
    func familiesAreSpreadEvenly(family: Int) {
        let (name, hash) = Self.families[family]
        let buckets = 256
        let keys = 25_600
        // The highest bits choose places, the lowest whether an endpoint keeps a key: both must be even.
        var high = Array(repeating: 0, count: buckets)
        var low = high
        for key in 0..<keys {
            let hash = hash(key)
            high[Int(hash >> 56)] += 1
            low[Int(hash & 255)] += 1
        }
        #expect(chiSquare(high) < 330.5, "\(name): 255 degrees of freedom, p = 0.001")
        #expect(chiSquare(low) < 330.5, "\(name): 255 degrees of freedom, p = 0.001")
    }

    // MARK: Addresses

    @Test func anAddressIsItsNetwork() {
        let address = IPAddress(ipv4: 0xc0a8_0117)
        #expect(KeyHash.of(address) != KeyHash.of(IPAddress(ipv4: 0xc0a8_0116)))
        #expect(KeyHash.of(address, ipv4Prefix: 24) == KeyHash.of(IPAddress(ipv4: 0xc0a8_01ff), ipv4Prefix: 24))
        #expect(KeyHash.of(address, ipv4Prefix: 24) != KeyHash.of(IPAddress(ipv4: 0xc0a8_0217), ipv4Prefix: 24))
        #expect(KeyHash.of(address, ipv4Prefix: 0) == KeyHash.of(IPAddress(ipv4: 0x0101_0101), ipv4Prefix: 0))
        let six = IPAddress(high: 0x2001_0db8_0001_0002, low: 0xfeed)
        #expect(KeyHash.of(six) == KeyHash.of(IPAddress(high: six.high, low: 1)))
        #expect(KeyHash.of(six) != KeyHash.of(IPAddress(high: six.high + 1, low: six.low)))
        #expect(KeyHash.of(six, ipv6Prefix: 128) != KeyHash.of(IPAddress(high: six.high, low: 1), ipv6Prefix: 128))
        #expect(
            KeyHash.of(six, ipv6Prefix: 127)
                == KeyHash.of(IPAddress(high: six.high, low: 0xfeec), ipv6Prefix: 127))
        #expect(KeyHash.of(six, ipv6Prefix: 48) == KeyHash.of(IPAddress(high: six.high + 9, low: 7), ipv6Prefix: 48))
        #expect(KeyHash.of(six, ipv6Prefix: 0) == KeyHash.of(IPAddress(high: 1, low: 2), ipv6Prefix: 0))
        // Prefixes of IPv6 say nothing about IPv4.
        #expect(KeyHash.of(address, ipv6Prefix: 0) == KeyHash.of(address, ipv6Prefix: 128))
    }

    @Test func twoWordsAreTheirSixteenBytes() {
        #expect(KeyHash.of(0x0706_0504_0302_0100, 0x0f0e_0d0c_0b0a_0908) == KeyHash.of(Self.counting(16).span))
    }
}

/// How far counts that should be equal are from that.
func chiSquare(_ counts: [Int]) -> Double {
    chiSquare(counts, weights: Array(repeating: 1, count: counts.count))
}

/// How far counts that should be proportional to `weights` are from that.
func chiSquare(_ counts: [Int], weights: [Int]) -> Double {
    let unit = Double(counts.reduce(0, +)) / Double(weights.reduce(0, +))
    return zip(counts, weights).reduce(0) { sum, pair in
        let expected = unit * Double(pair.1)
        return sum + (Double(pair.0) - expected) * (Double(pair.0) - expected) / expected
    }
}
