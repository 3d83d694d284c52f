extension RegexProgram {
    /// Where the captures of the first match in `text` lie, a start and an end for each, -1 for those that had no part in
    /// it; nil when there is no match.
    ///
    /// Pike's algorithm: every possibility is followed at once, in the order in which a backtracking matcher would try
    /// them, each with the places that it has noted. Linear in the text. Allocates.
    func captures(_ count: Int, in text: Span<UInt8>) -> [Int]? {
        let none = Array(repeating: -1, count: 2 * count)
        var now = RegexFront(steps.count)
        var next = RegexFront(steps.count)
        var found: [Int]?
        for offset in 0...text.count {
            // Behind those that began earlier, which are preferred; and once one has matched, no other begins.
            if found == nil { follow(0, none, at: offset, of: text.count, into: &now) }
            if let found, now.possibilities.isEmpty { return found }
            next.removeAll()
            for possibility in now.possibilities {
                let step = steps[possibility.step]
                if step.operation == .accept {
                    found = possibility.places
                    break
                }
                if offset < text.count, sets[Int(step.first)].contains(text[offset]) {
                    follow(possibility.step + 1, possibility.places, at: offset + 1, of: text.count, into: &next)
                }
            }
            swap(&now, &next)
        }
        return found
    }

    /// Adds what can be reached from a step without taking a byte, the preferred first.
    private func follow(_ origin: Int, _ places: [Int], at offset: Int, of end: Int, into front: inout RegexFront) {
        var pending = [RegexPossibility(step: origin, places: places)]
        while var possibility = pending.popLast() {
            guard front.isNew(possibility.step) else { continue }
            let step = steps[possibility.step]
            switch step.operation {
            case .bytes, .accept: front.possibilities.append(possibility)
            case .split:
                pending.append(RegexPossibility(step: Int(step.second), places: possibility.places))
                pending.append(RegexPossibility(step: Int(step.first), places: possibility.places))
            case .jump:
                possibility.step = Int(step.first)
                pending.append(possibility)
            case .save, .start, .end:
                if step.operation == .start, offset != 0 { continue }
                if step.operation == .end, offset != end { continue }
                if step.operation == .save { possibility.places[Int(step.first)] = offset }
                possibility.step += 1
                pending.append(possibility)
            }
        }
    }
}

/// One way in which a match may go on.
private struct RegexPossibility {
    var step: Int
    var places: [Int]
}

/// All of them at one place of the text; at each step at most one, the first that came there.
private struct RegexFront {
    var possibilities: [RegexPossibility] = []
    private var visited: [Int]
    private var round = 1

    init(_ steps: Int) { visited = Array(repeating: 0, count: steps) }

    mutating func isNew(_ step: Int) -> Bool {
        defer { visited[step] = round }
        return visited[step] != round
    }

    mutating func removeAll() {
        possibilities.removeAll(keepingCapacity: true)
        round += 1
    }
}
