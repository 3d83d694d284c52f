/// What is written into the field Apus-Loop of requests that are forwarded, to know those that come back: eight hexadecimal
/// digits. It says nothing to anybody else.
@frozen
public struct LoopMark: Sendable, Hashable, BitwiseCopyable {
    /// The digits as they stand in memory, the first in the lowest byte.
    public let text: UInt64

    public init(_ number: UInt32) {
        var text: UInt64 = 0
        for digit in 0..<8 {
            let value = UInt8(truncatingIfNeeded: number >> UInt32(28 - 4 * digit)) & 15
            text |= UInt64(value < 10 ? 0x30 + value : 0x57 + value) << UInt64(8 * digit)
        }
        self.text = text
    }

    fileprivate func isWritten(in bytes: Span<UInt8>, _ range: Range<Int>) -> Bool {
        guard range.count == 8 else { return false }
        for place in 0..<8 where bytes[range.lowerBound + place] != UInt8(truncatingIfNeeded: text >> UInt64(8 * place))
        {
            return false
        }
        return true
    }
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
