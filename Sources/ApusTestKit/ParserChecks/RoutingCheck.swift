import ApusAddresses
internal import ApusHTTP
internal import ApusModel
import ApusRouting

/// Three lines: a regular expression, a path template, a path. Whatever they are, the ways to match that there are come to
/// the same, and normalizing a path leaves one that is normal.
func checkRouting(_ input: [UInt8]) throws(ParserProblem) {
    let lines = input.split(separator: 0x0a, maxSplits: 2, omittingEmptySubsequences: false).map { Array($0) }
    let path = lines.count > 2 ? lines[2] : []
    try checkNormalization(path)
    if let expression = try? RegularExpression(String(decoding: lines[0], as: UTF8.self)) {
        try checkMatching(.regex(expression), path)
        let whole = expression.matchesWhole(path.span)
        try require(!whole || expression.matches(path.span), "the whole matches, but nothing is found")
    }
    if lines.count > 1, let template = try? PathTemplate(String(decoding: lines[1], as: UTF8.self)) {
        try checkMatching(.template(template), path)
    }
}

/// A pattern matches exactly if it can tell its captures, and if the table finds its route: also among others.
private func checkMatching(_ pattern: PathPattern, _ path: [UInt8]) throws(ParserProblem) {
    let isMatch = pattern.matches(path.span)
    let captures = pattern.captures(in: path.span)
    try require((captures != nil) == isMatch, "matching says \(isMatch), captures \(String(describing: captures))")
    for range in captures?.ranges ?? [] {
        try require(range.map { $0.upperBound <= path.count } ?? true, "a capture lies beyond the path")
    }
    let route = Route(name: "", match: RouteMatch(path: pattern), action: .respond(FixedResponse()))
    let other = try? RegularExpression("^/a[^/]*/b|x+y$")
    let others = other.map { Route(name: "", match: RouteMatch(path: .regex($0)), action: .respond(FixedResponse())) }
    try require((found([route], path) == 0) == isMatch, "the table disagrees: it should be \(isMatch)")
    guard let others else { return }
    let isOther = others.match.path.matches(path.span)
    let expected = isOther ? 0 : isMatch ? 1 : nil
    try require(found([others, route], path) == expected, "among others the table disagrees: \(isOther), \(isMatch)")
}

private func found(_ routes: [Route], _ path: [UInt8]) -> Int? {
    let address = SocketAddress(ip: .anyIPv4, port: 0)
    let snapshot = Snapshot(
        workers: 1, listeners: [Listener(name: "", bind: address, routes: 0..<routes.count)], routes: routes,
        pools: [], endpoints: [])
    let bytes = Array("GET / HTTP/1.1\r\nHost: a\r\n\r\n".utf8)
    var fields = FieldTable()
    guard let head = try? RequestHead.parse(bytes.span, limits: HeadLimits(), into: &fields) else { return nil }
    return snapshot.route(
        listener: 0, head: head, path: path.span, fields: fields, bytes: bytes.span, client: .anyIPv4)
}

private func checkNormalization(_ path: [UInt8]) throws(ParserProblem) {
    let isPlain = PathNormalization.isPlain(path.indices, of: path.span)
    let oddities = PathOddities(path.span)
    guard let normalized = try? PathNormalization.normalized(path) else {
        try require(oddities.contains(.dotSegment), "above the root without a dot segment")
        return try require(!isPlain, "a path that leads above the root is taken for plain")
    }
    // What is no path is not asked, whatever it would be if it were one.
    guard path.first == 0x2f else { return try require(normalized == path, "what is no path was changed") }
    try require(!isPlain || oddities.isEmpty, "plain, but odd: \(oddities)")
    try require(!oddities.isEmpty || normalized == path, "nothing odd, but it becomes \(normalized)")
    try checkReadings(path, PathReadings(oddities))
    try require(normalized.count <= path.count, "a path became longer")
    for segment in normalized.split(separator: 0x2f) where segment.allSatisfy({ $0 == 0x2e }) {
        try require(segment.count > 2, "a dot segment is left")
    }
    // A decoded percent sign would be the beginning of another escape.
    try require(normalized.first == 0x2f, "a path does not begin with a slash any more")
}

/// Every reading is a path, and has none of what it leaves out.
private func checkReadings(
    _ path: [UInt8], _ readings: PathReadings
) throws(ParserProblem) {
    try require((1...72).contains(readings.count), "\(readings.count) readings")
    try require(readings[0] == .normal, "the first reading is not the normal form")
    for number in 1..<max(1, readings.count) {
        let reading = readings[number]
        guard let made = try? reading.of(path) else {
            try require(reading.resolvesDots, "above the root, and no dots are resolved")
            continue
        }
        try require(made.first == 0x2f && made.count <= path.count, "a reading is no path: \(made)")
        if reading.mergesSlashes, !reading.resolvesDots {
            let inner = made.dropLast()
            try require(
                !zip(inner, inner.dropFirst()).contains { $0 == 0x2f && $1 == 0x2f }, "slashes are left: \(made)")
        }
        if reading.parameters == .cutDecoded {
            try require(!made.contains(0x3b), "parameters are left: \(made)")
        }
        if reading.backslashes != .characters { try require(!made.contains(0x5c), "a backslash is left: \(made)") }
    }
}
