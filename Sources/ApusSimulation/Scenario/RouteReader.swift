import ApusModel

/// Reads which share of the requests is of which route, and what they are to an origin: `reports=5%`, `reports=5%:20x`.
///
/// A route is named as in metrics and logs.
struct RouteReader {
    let known: [Route]

    func shares(_ texts: [String]) throws(ArgumentMistake) -> [RouteShare] {
        var shares: [RouteShare] = []
        for text in texts {
            let one = try share(text)
            guard !shares.contains(where: { $0.route.name == one.route.name }) else {
                throw mistake(text, "each route once")
            }
            shares.append(one)
            // Shares are written in percent: what is beyond all of them is more than rounding.
            guard shares.reduce(0, { $0 + $1.share }) <= 1.000_001 else {
                throw mistake(text, "shares that are 100% together, or less")
            }
        }
        return shares
    }

    private func share(_ text: String) throws(ArgumentMistake) -> RouteShare {
        guard let sign = text.lastIndex(of: "=") else { throw mistake(text, "ROUTE=SHARE, or ROUTE=SHARE:FACTOR") }
        let name = String(text[..<sign])
        guard let route = known.first(where: { $0.name == name }) else {
            let names = known.map(\.name).joined(separator: ", ")
            throw mistake(text, known.isEmpty ? "a route to the pool, which has none" : "one of the routes \(names)")
        }
        let parts = text[text.index(after: sign)...].split(separator: ":", omittingEmptySubsequences: false)
        guard parts.count <= 2, let share = Quantity.share(String(parts[0])), share > 0 else {
            throw mistake(text, "a share of the requests, above 0% and up to 100%")
        }
        guard parts.count == 2 else { return RouteShare(route, share: share) }
        guard let work = Quantity.factor(String(parts[1])), work > 0 else {
            throw mistake(text, "how many times the work of others it is at the end, as in 20x")
        }
        return RouteShare(route, share: share, work: work)
    }

    private func mistake(_ text: String, _ expected: String) -> ArgumentMistake {
        ArgumentMistake(
            "--route", found: text, expected: expected, example: "--route \(known.first?.name ?? "reports")=5%:20x")
    }
}
