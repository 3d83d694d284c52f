/// A regular expression taken apart.
indirect enum RegexNode: Hashable, Sendable {
    /// Nothing, which is found everywhere.
    case empty
    /// One byte of these.
    case bytes(ByteSet)
    /// Where the text begins.
    case start
    /// Where it ends.
    case end
    case sequence([RegexNode])
    /// The first of these that leads to a match.
    case either([RegexNode])
    /// From `least` to `most` times, as often as possible or, if lazy, as seldom; nil for no bound.
    case repeated(RegexNode, least: Int, most: Int?, isLazy: Bool)
    /// The named capture of that number.
    case capture(Int, RegexNode)
}

extension RegexNode {
    static func sequence(of nodes: [RegexNode]) -> RegexNode {
        let nodes = nodes.filter { $0 != .empty }
        return nodes.count > 1 ? .sequence(nodes) : nodes.first ?? .empty
    }

    /// Nodes that match the same texts one after the other, without what only tells parts of a match apart: expressions
    /// that begin alike then begin with equal nodes.
    var steps: [RegexNode] {
        switch self {
        case .empty: []
        case .bytes, .start, .end: [self]
        case .sequence(let nodes): nodes.flatMap(\.steps)
        case .either(let nodes): [.either(nodes.map { .sequence(of: $0.steps) })]
        case .capture(_, let node): node.steps
        case .repeated(let node, let least, let most, _):
            [.repeated(.sequence(of: node.steps), least: least, most: most, isLazy: false)]
        }
    }
}

/// A set of bytes.
struct ByteSet: Hashable, Sendable {
    private var words: (UInt64, UInt64, UInt64, UInt64) = (0, 0, 0, 0)

    static let all = ByteSet(0...255)

    init(_ bytes: ClosedRange<UInt8>...) {
        for range in bytes { for byte in range { insert(byte) } }
    }

    func contains(_ byte: UInt8) -> Bool {
        let word =
            switch byte >> 6 {
            case 0: words.0
            case 1: words.1
            case 2: words.2
            default: words.3
            }
        return word >> UInt64(byte & 63) & 1 == 1
    }

    mutating func insert(_ byte: UInt8) {
        let bit = (1 as UInt64) << UInt64(byte & 63)
        switch byte >> 6 {
        case 0: words.0 |= bit
        case 1: words.1 |= bit
        case 2: words.2 |= bit
        default: words.3 |= bit
        }
    }

    mutating func formUnion(_ other: ByteSet) {
        words.0 |= other.words.0
        words.1 |= other.words.1
        words.2 |= other.words.2
        words.3 |= other.words.3
    }

    var count: Int {
        words.0.nonzeroBitCount + words.1.nonzeroBitCount + words.2.nonzeroBitCount + words.3.nonzeroBitCount
    }

    var inverted: ByteSet {
        var set = self
        set.words = (~words.0, ~words.1, ~words.2, ~words.3)
        return set
    }

    /// With both cases of the letters in it.
    var ignoringCase: ByteSet {
        var set = self
        for byte: UInt8 in 0x61...0x7a {
            if contains(byte) { set.insert(byte & ~0x20) }
            if contains(byte & ~0x20) { set.insert(byte) }
        }
        return set
    }

    static func == (one: ByteSet, other: ByteSet) -> Bool { one.words == other.words }

    func hash(into hasher: inout Hasher) {
        hasher.combine(words.0)
        hasher.combine(words.1)
        hasher.combine(words.2)
        hasher.combine(words.3)
    }
}
