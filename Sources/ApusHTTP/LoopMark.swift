/// What is written into the field Apus-Loop of requests that are forwarded, to know those that come back: eight hexadecimal
/// digits. It says nothing to anybody else.
@frozen
public struct LoopMark: Sendable, Hashable, BitwiseCopyable {
    /// Bytes of the line that has it, with the empty line behind it that ends the head: `Apus-Loop: 0123abcd`.
    public static let lineCount = 23

    /// That line, the first byte in the lowest of the first word.
    public let words: InlineArray<3, UInt64>

    public init(_ number: UInt32) {
        var words: InlineArray<3, UInt64> = [0, 0, 0]
        func put(_ byte: UInt8, _ place: Int) { words[place >> 3] |= UInt64(byte) << UInt64(8 * (place & 7)) }
        for (place, byte) in "Apus-Loop: ".utf8.enumerated() { put(byte, place) }
        for digit in 0..<8 {
            let value = UInt8(truncatingIfNeeded: number >> UInt32(28 - 4 * digit)) & 15
            put(value < 10 ? 0x30 + value : 0x57 + value, Self.digits + digit)
        }
        for (place, byte) in "\r\n\r\n".utf8.enumerated() { put(byte, Self.digits + 8 + place) }
        self.words = words
    }

    private static let digits = 11

    @inlinable
    func byte(_ place: Int) -> UInt8 { UInt8(truncatingIfNeeded: words[place >> 3] >> UInt64(8 * (place & 7))) }

    fileprivate func isWritten(in bytes: Span<UInt8>, _ range: Range<Int>) -> Bool {
        range.count == 8 && (0..<8).allSatisfy { bytes[range.lowerBound + $0] == byte(Self.digits + $0) }
    }

    public static func == (one: LoopMark, other: LoopMark) -> Bool {
        (0..<3).allSatisfy { one.words[$0] == other.words[$0] }
    }

    public func hash(into hasher: inout Hasher) { for index in 0..<3 { hasher.combine(words[index]) } }
}

extension FieldTable {
    /// Whether there is an Apus-Loop field.
    @inlinable public var hasMarks: Bool { known.contains(.apusLoop) }

    /// Whether the request has been forwarded by the one whose mark that is.
    ///
    /// - Parameter bytes: those that were parsed.
    public func has(_ mark: LoopMark, in bytes: Span<UInt8>) -> Bool {
        var isThere = false
        for index in 0..<count where self[index].field == .apusLoop {
            forEachElement(of: bytes, in: self[index].value) { element in
                if mark.isWritten(in: bytes, element) { isThere = true }
            }
        }
        return isThere
    }
}
