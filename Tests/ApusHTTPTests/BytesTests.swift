import Testing

@testable import ApusHTTP

@Suite struct BytesTests {
    /// Literals of every length that is compared in another way: bytes, half words, words, and a rest.
    static let literals: [StaticString] = [
        "", "te", "via", "host", "expect", "chunked", "trailers", "x-real-ip", "keep-alive", "content-length",
        "transfer-encoding", "x@[`{.~0-9_!",
    ]

    @Test(arguments: literals.indices)
    func everyByteAtEveryPlaceIsComparedAsOneByOne(_ index: Int) {
        let literal = Self.literals[index]
        let text = literal.withUTF8Buffer { Array($0) }
        // Something in front and behind, which must not matter.
        for behind in [0, 1, 9] {
            for place in text.indices {
                for byte in UInt8.min...UInt8.max {
                    var bytes = Array("X:".utf8) + text + Array(repeating: 0x20, count: behind)
                    bytes[2 + place] = byte
                    let isUpperCase = (0x41...0x5a).contains(byte) && byte + 0x20 == text[place]
                    let found = bytes.span.equalsIgnoringCase(2..<2 + text.count, literal)
                    #expect(found == (byte == text[place] || isUpperCase), "\(literal), byte \(byte) at \(place)")
                }
            }
        }
        #expect(!text.span.equalsIgnoringCase(0..<max(0, text.count - 1), literal) || text.isEmpty)
    }
}
