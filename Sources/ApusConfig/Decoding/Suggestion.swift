/// The word of `candidates` that someone who wrote `word` most likely meant; nil when none is near.
func nearest(to word: String, among candidates: some Sequence<String>) -> String? {
    var suggestions = Suggestions(candidates)
    return suggestions.nearest(to: word)
}

/// Words among which those that nobody knows are looked for, be it many times.
struct Suggestions {
    private let candidates: [(word: String, folded: [Unicode.Scalar])]
    /// Pairs of letters that may yet be compared. Where thousands of words are unknown, those that are read first are
    /// enough, and all of them among thousands would take minutes.
    private var budget = 20_000_000

    init(_ candidates: some Sequence<String>) {
        self.candidates = candidates.map { ($0, folded($0)) }
    }

    /// The candidate that someone who wrote `word` most likely meant, the first of several; nil when none is near, or too
    /// much has been asked already.
    mutating func nearest(to word: String) -> String? {
        let wanted = folded(word)
        var best: (word: String, distance: Int)?
        for candidate in candidates {
            guard budget > 0 else { return nil }
            let other = candidate.folded
            let most = min(max(1, min(wanted.count, other.count) / 3), best.map { $0.distance - 1 } ?? .max)
            budget -= 1
            guard abs(wanted.count - other.count) <= most else { continue }
            budget -= wanted.count * other.count
            let distance = Self.editDistance(wanted, other)
            if distance <= most { best = (candidate.word, distance) }
        }
        return best?.word
    }

    /// How many insertions, deletions, replacements and exchanges of neighbours turn one word into the other.
    private static func editDistance(_ left: [Unicode.Scalar], _ right: [Unicode.Scalar]) -> Int {
        // The row above the one being filled, and the one above that.
        var above = Array(0...right.count)
        var twoAbove = above
        var row = above
        for i in left.indices {
            row[0] = i + 1
            for j in right.indices {
                let replaced = above[j] + (left[i] == right[j] ? 0 : 1)
                var cost = min(replaced, above[j + 1] + 1, row[j] + 1)
                if i > 0, j > 0, left[i] == right[j - 1], left[i - 1] == right[j] {
                    cost = min(cost, twoAbove[j - 1] + 1)
                }
                row[j + 1] = cost
            }
            (twoAbove, above, row) = (above, row, twoAbove)
        }
        return above[right.count]
    }
}

/// `request-head`, `requestHead` and `request_head` are one word to whoever mistypes it.
func folded(_ word: String) -> [Unicode.Scalar] {
    Array(word.lowercased().unicodeScalars.filter { $0 != "-" && $0 != "_" }.prefix(64))
}
