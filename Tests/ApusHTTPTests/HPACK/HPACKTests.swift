import Foundation
import Testing

@testable import ApusHTTP

@Suite struct HPACKTests {
    struct Field: Equatable {
        var name: [UInt8]
        var value: [UInt8]
        var isSecret = false

        init(_ name: [UInt8], _ value: [UInt8], isSecret: Bool = false) {
            self.name = name
            self.value = value
            self.isSecret = isSecret
        }

        init(_ name: String, _ value: String) { self.init(Array(name.utf8), Array(value.utf8)) }
    }

    struct Fields: FieldReceiver {
        var all: [Field] = []
        var tooLong = 0

        mutating func receive(name: Span<UInt8>, value: Span<UInt8>, isSecret: Bool) {
            all.append(Field(name.indices.map { name[$0] }, value.indices.map { value[$0] }, isSecret: isSecret))
        }

        mutating func receivedTooLong() { tooLong += 1 }
    }

    /// A receiving end with what it was told.
    struct End: ~Copyable {
        var decoder: HPACKDecoder
        var scratch = HPACKScratch(capacity: 4_096)

        init(largestTable: Int = 4_096) { decoder = HPACKDecoder(largestTable: largestTable) }

        mutating func decode(_ block: [UInt8]) throws(HPACKFault) -> [Field] {
            var fields = Fields()
            try decoder.decode(block.span, &scratch, into: &fields)
            return fields.all
        }

        mutating func decode(_ hex: String) throws(HPACKFault) -> [Field] { try decode(bytes(hex)) }
    }

    static func bytes(_ hex: some StringProtocol) -> [UInt8] {
        let digits = String(hex.filter { !$0.isWhitespace })
        return stride(from: 0, to: digits.count, by: 2).map { place in
            let start = digits.index(digits.startIndex, offsetBy: place)
            return UInt8(digits[start..<digits.index(start, offsetBy: 2)], radix: 16)!
        }
    }

    /// The examples of RFC 7541 appendix C: requests with and without Huffman's code, and responses whose table overflows.
    @Test func examplesOfTheStandardAreReadAsItSays() throws {
        var plain = End()
        var coded = End()
        let first = [
            Field(":method", "GET"), Field(":scheme", "http"), Field(":path", "/"),
            Field(":authority", "www.example.com"),
        ]
        #expect(try plain.decode("8286 8441 0f77 7777 2e65 7861 6d70 6c65 2e63 6f6d") == first)
        #expect(try coded.decode("8286 8441 8cf1 e3c2 e5f2 3a6b a0ab 90f4 ff") == first)
        let second = first + [Field("cache-control", "no-cache")]
        #expect(try plain.decode("8286 84be 5808 6e6f 2d63 6163 6865") == second)
        #expect(try coded.decode("8286 84be 5886 a8eb 1064 9cbf") == second)
        let third = [
            Field(":method", "GET"), Field(":scheme", "https"), Field(":path", "/index.html"),
            Field(":authority", "www.example.com"), Field("custom-key", "custom-value"),
        ]
        #expect(
            try plain.decode("8287 85bf 400a 6375 7374 6f6d 2d6b 6579 0c63 7573 746f 6d2d 7661 6c75 65") == third)
        #expect(try coded.decode("8287 85bf 4088 25a8 49e9 5ba9 7d7f 8925 a849 e95b b8e8 b4bf") == third)
    }

    @Test func whatDoesNotFitIntoTheTableIsForgotten() throws {
        var end = End(largestTable: 256)
        let date = Field("date", "Mon, 21 Oct 2013 20:13:21 GMT")
        let location = Field("location", "https://www.example.com")
        #expect(
            try end.decode(
                "4803 3330 3258 0770 7269 7661 7465 611d 4d6f 6e2c 2032 3120 4f63 7420 3230 3133 2032 303a 3133 3a32 "
                    + "3120 474d 546e 1768 7474 7073 3a2f 2f77 7777 2e65 7861 6d70 6c65 2e63 6f6d")
                == [Field(":status", "302"), Field("cache-control", "private"), date, location])
        // The first of four makes room.
        #expect(
            try end.decode("4803 3330 37c1 c0bf") == [
                Field(":status", "307"), Field("cache-control", "private"), date, location,
            ])
        #expect(
            try end.decode(
                "88c1 611d 4d6f 6e2c 2032 3120 4f63 7420 3230 3133 2032 303a 3133 3a32 3220 474d 54c0 5a04 677a 6970 "
                    + "7738 666f 6f3d 4153 444a 4b48 514b 425a 584f 5157 454f 5049 5541 5851 5745 4f49 553b 206d 6178 2d61 "
                    + "6765 3d33 3630 303b 2076 6572 7369 6f6e 3d31"
            ).count == 6)
        // What was remembered first is gone by now.
        #expect(try end.decode("bf") == [Field("content-encoding", "gzip")])
        #expect(throws: HPACKFault.badIndex) { try end.decode("c1") }
    }

    /// Conversations of another implementation (Python's hpack 4), with changes of the table's size.
    @Test func anotherImplementationIsUnderstood() throws {
        let file = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "witness.txt")
        var end = End()
        var fields: [Field] = []
        var block: [UInt8]?
        var blocks = 0
        func compare() throws {
            guard let held = block else { return }
            #expect(try end.decode(held) == fields)
            blocks += 1
            (block, fields) = (nil, [])
        }
        for line in try String(contentsOf: file, encoding: .utf8).split(separator: "\n") {
            let words = line.split(separator: " ", omittingEmptySubsequences: false)
            switch words[0] {
            case "conversation":
                try compare()
                end = End()
            case "block":
                try compare()
                block = Self.bytes(words[1])
            default:
                fields.append(Field(Self.bytes(words[1]), Self.bytes(words[2]), isSecret: words[0] == "secret"))
            }
        }
        try compare()
        #expect(blocks == 60)
    }

    @Test(arguments: [
        ("80", HPACKFault.badIndex), ("be", .badIndex), ("7f00", .badIndex), ("ff", .truncated), ("40", .truncated),
        ("4001", .truncated), ("400161", .truncated), ("40016105", .truncated), ("41", .truncated),
        // Numbers that are longer than any that is meant, by their value and by zeros in front.
        ("ffffffffff7f", .badNumber), ("ff8080808080808000", .badNumber), ("0f8080808001", .badNumber),
        // The end of a string within it; eight bits that fill it up, and others than ones.
        ("0084ffffffff00", .badString), ("00821fff00", .badString), ("00811800", .badString),
        // A size behind a field, and one that was not allowed.
        ("8220", .badTableSize), ("3fe21f", .badTableSize),
    ])
    func whatIsNoBlockIsAFault(_ hex: String, _ fault: HPACKFault) {
        #expect(throws: fault) {
            var end = End()
            _ = try end.decode(hex)
        }
    }

    /// Every cut of a block is a fault or ends between two fields.
    @Test func aCutBlockIsNeverReadBeyondItsEnd() throws {
        let block = Self.bytes("8287 85bf 4088 25a8 49e9 5ba9 7d7f 8925 a849 e95b b8e8 b4bf")
        for count in 0..<block.count {
            var end = End()
            _ = try? end.decode("8286 8441 0f77 7777 2e65 7861 6d70 6c65 2e63 6f6d")
            _ = try? end.decode("8286 84be 5808 6e6f 2d63 6163 6865")
            do throws(HPACKFault) {
                #expect(try end.decode(Array(block.prefix(count))).count <= 4)
            } catch {
                #expect(error == .truncated || error == .badString)
            }
        }
    }

    /// A string that is longer than the room for it is told of, and what is remembered stays as the peer has it.
    @Test func whatIsTooLongIsLeftOut() throws {
        var end = End()
        _ = try end.decode("4001610162")
        var fields = Fields()
        let long = [0x40, 0x01, 0x63, 0x7f, 0x82, 0x1f] + [UInt8](repeating: 0x64, count: 127 + 0x2 + 0x1f << 7)
        try end.decoder.decode((long + [0x82]).span, &end.scratch, into: &fields)
        #expect(fields.tooLong == 1 && fields.all == [Field(":method", "GET")])
        // It was larger than the table, which is empty now (RFC 7541 section 4.4).
        #expect(throws: HPACKFault.badIndex) { try end.decode("be") }
    }

    /// Every byte has a code that leads back to it, alone and among others.
    @Test func stringsAreDecodedAsTheyWereEncoded() {
        var generator = SystemRandomNumberGenerator()
        let all = (0...255).map { [UInt8($0)] }
        let random = (0..<200).map { _ in
            (0..<Int.random(in: 0...60, using: &generator)).map { _ in UInt8.random(in: 0...255, using: &generator) }
        }
        for text in all + random {
            var coded: [UInt8] = []
            HuffmanCode.shared.encode(text.span) { coded.append($0) }
            #expect(coded.count == HuffmanCode.shared.encodedCount(text.span))
            var room = [UInt8](repeating: 0, count: 60)
            var span = room.mutableSpan
            #expect(HuffmanCode.shared.decode(coded.span, 0..<coded.count, into: &span) == text.count)
            #expect(Array(room.prefix(text.count)) == text)
        }
    }

    @Test func namesOfTheStaticTableAreFound() {
        for index in 1...StaticTable.count {
            let name = Array(StaticTable.name(index).description.utf8)
            let found = StaticTable.index(of: name.span, 0..<name.count)
            #expect(found > 0 && found <= index)
            #expect(StaticTable.name(found).description == StaticTable.name(index).description)
        }
        for name in ["x", "x-request-id", "Content-Typ", "content-typed", String(repeating: "a", count: 90)] {
            #expect(StaticTable.index(of: Array(name.utf8).span, 0..<name.utf8.count) == 0)
        }
        let upper = Array("Content-TYPE".utf8)
        #expect(StaticTable.index(of: upper.span, 0..<upper.count) == 31)
    }

    /// One byte of a block may stand for a field of 4,000 bytes: that costs no more than being told of it.
    @Test func fieldsThatAreRememberedAreNotCopied() throws {
        struct Counter: FieldReceiver {
            var bytes = 0
            mutating func receive(name: Span<UInt8>, value: Span<UInt8>, isSecret: Bool) {
                bytes += name.count + value.count
            }
            mutating func receivedTooLong() {}
        }
        var end = End()
        let long = [0x40, 0x01, 0x61, 0x7f, 0xa1, 0x1e] + [UInt8](repeating: 0x62, count: 127 + 0x21 + 0x1e << 7)
        _ = try end.decode(long)
        var counter = Counter()
        try end.decoder.decode([UInt8](repeating: 0xbe, count: 60_000).span, &end.scratch, into: &counter)
        #expect(counter.bytes == 60_000 * (long.count - 5))
    }
}
