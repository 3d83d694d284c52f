/// Whether counts could well have come from chances in these proportions: Pearson's test at p = 0.001.
///
/// A proportion of 0 must have a count of 0. Expect at least 5 for every other.
func areProbable(_ counts: [Int], proportions: [Int]) -> Bool {
    let sum = Double(counts.reduce(0, +))
    let whole = Double(proportions.reduce(0, +))
    var chiSquare = 0.0
    var freedom = -1.0
    for (count, proportion) in zip(counts, proportions) {
        guard proportion > 0 else {
            if count > 0 { return false }
            continue
        }
        let expected = sum * Double(proportion) / whole
        chiSquare += (Double(count) - expected) * (Double(count) - expected) / expected
        freedom += 1
    }
    guard freedom > 0 else { return true }
    // The approximation of Wilson and Hilferty; 3.09 is the normal distribution's quantile.
    let spread = 2 / (9 * freedom)
    let root = 1 - spread + 3.09 * spread.squareRoot()
    return chiSquare < freedom * root * root * root
}
