import ApusHTTP

/// A regular expression run on all its possibilities at once: a set of bits says which bytes it could take next.
///
/// Needs nothing but the stack, whatever the text: linear in it, with a factor of at most the expression's size.
struct RegexSimulation: Sendable {
    /// Bytes that an expression may take, with its counted repetitions written out: 16 words of bits.
    static let limit = 1_024

    /// Of each place that takes a byte, which.
    private let sets: [ByteSet]
    /// Of each place, in words of bits, the places that may follow.
    private let following: [UInt64]
    private let words: Int
    /// The places that may be first where the text begins, and behind.
    private let first: [UInt64]
    private let firstLater: [UInt64]
    /// Of each place, whether the expression has matched behind it: in any case, and if the text ends there.
    private let accepts: [Bool]
    private let acceptsAtEnd: [Bool]
    /// Whether nothing is a match: where the text begins, where it ends, and where it does both.
    private let takesNothingAtStart: Bool
    private let takesNothingAtEnd: Bool
    private let matchesEmptyText: Bool

    /// - Parameter program: one expression.
    /// - Throws: `TooLarge` beyond `limit`.
    init(_ program: RegexProgram) throws(RegexProgram.TooLarge) {
        let takers = program.steps.indices.filter { program.steps[$0].operation == .bytes }
        guard takers.count <= Self.limit else { throw RegexProgram.TooLarge() }
        var numbers = Array(repeating: 0, count: program.steps.count)
        for (number, step) in takers.enumerated() { numbers[step] = number }
        let words = (takers.count + 63) / 64
        func bits(_ closure: RegexClosure) -> [UInt64] {
            var bits = Array(repeating: 0 as UInt64, count: words)
            for taker in closure.takers { bits[numbers[Int(taker)] / 64] |= 1 << UInt64(numbers[Int(taker)] % 64) }
            return bits
        }
        var finder = RegexClosureFinder(program)
        let behind = takers.map { finder.closure(of: [UInt32($0 + 1)], isAtStart: false) }
        let atStart = finder.closure(of: [0], isAtStart: true)
        let later = finder.closure(of: [0], isAtStart: false)
        self.words = words
        sets = takers.map { program.sets[Int(program.steps[$0].first)] }
        following = behind.flatMap(bits)
        first = bits(atStart)
        firstLater = bits(later)
        accepts = behind.map { !$0.accepted.isEmpty }
        acceptsAtEnd = behind.map { !$0.accepted.isEmpty || !$0.acceptedAtEnd.isEmpty }
        takesNothingAtStart = !atStart.accepted.isEmpty
        takesNothingAtEnd = !later.accepted.isEmpty || !later.acceptedAtEnd.isEmpty
        matchesEmptyText = !atStart.accepted.isEmpty || !atStart.acceptedAtEnd.isEmpty
    }

    /// Whether the expression is found in `text`, or, if `isWhole`, matches all of it.
    ///
    /// - Parameter isForm: `text` is encoded as in forms, and matched as what it stands for.
    func matches(_ text: Span<UInt8>, isWhole: Bool, isForm: Bool = false) -> Bool {
        if text.isEmpty { return matchesEmptyText }
        if !isWhole, takesNothingAtStart { return true }
        var places = InlineArray<16, UInt64>(repeating: 0)
        for word in 0..<words { places[word] = first[word] }
        var offset = 0
        while offset < text.count {
            let (byte, end) = isForm ? text.formByte(at: offset) : (text[offset], offset &+ 1)
            var next = InlineArray<16, UInt64>(repeating: 0)
            var isAccepted = false
            for word in 0..<words {
                var bits = places[word]
                while bits != 0 {
                    let place = word &* 64 &+ bits.trailingZeroBitCount
                    bits &= bits &- 1
                    guard sets[place].contains(byte) else { continue }
                    if !isWhole, accepts[place] { return true }
                    if acceptsAtEnd[place] { isAccepted = true }
                    for other in 0..<words { next[other] |= following[place &* words &+ other] }
                }
            }
            if end == text.count { return isAccepted || (!isWhole && takesNothingAtEnd) }
            if !isWhole { for word in 0..<words { next[word] |= firstLater[word] } }
            places = next
            offset = end
        }
        return false
    }
}
