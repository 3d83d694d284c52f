/// The word of `candidates` that someone who wrote `word` most likely meant; nil when none is near.
func nearest(to word: String, among candidates: some Sequence<String>) -> String? {
    let wanted = folded(word)
    var best: (word: String, distance: Int)?
    for candidate in candidates {
        let other = folded(candidate)
        let distance = editDistance(wanted, other)
        guard distance <= max(1, min(wanted.count, other.count) / 3) else { continue }
        if best.map({ distance < $0.distance }) ?? true { best = (candidate, distance) }
    }
    return best?.word
}

/// `request-head`, `requestHead` and `request_head` are one word to whoever mistypes it.
func folded(_ word: String) -> [Unicode.Scalar] {
    Array(word.lowercased().unicodeScalars.filter { $0 != "-" && $0 != "_" }.prefix(64))
}

/// How many insertions, deletions, replacements and exchanges of neighbours turn one word into the other.
private func editDistance(_ left: [Unicode.Scalar], _ right: [Unicode.Scalar]) -> Int {
    var rows = [Array(0...right.count)]
    for i in left.indices {
        var row = [i + 1]
        for j in right.indices {
            let replaced = rows[i][j] + (left[i] == right[j] ? 0 : 1)
            var cost = min(replaced, rows[i][j + 1] + 1, row[j] + 1)
            if i > 0, j > 0, left[i] == right[j - 1], left[i - 1] == right[j] {
                cost = min(cost, rows[i - 1][j - 1] + 1)
            }
            row.append(cost)
        }
        rows.append(row)
    }
    return rows[left.count][right.count]
}
