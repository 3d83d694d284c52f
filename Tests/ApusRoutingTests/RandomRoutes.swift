import ApusAddresses
import ApusRouting

/// Routes and requests of a small language, so that they often meet.
struct RandomRoutes {
    var random: Seeded

    init(seed: UInt64) { random = Seeded(seed) }

    mutating func number(_ range: ClosedRange<Int>) -> Int { Int.random(in: range, using: &random) }
    mutating func chance(_ one: Int) -> Bool { number(1...one) == 1 }
    mutating func pick<Value>(_ values: [Value]) -> Value { values[number(0...values.count - 1)] }

    mutating func matches(_ count: Int) -> [RouteMatch] { (0..<count).map { _ in match() } }

    mutating func match() -> RouteMatch {
        var match = RouteMatch(path: path())
        if !chance(3) { match.hosts = (0..<number(1...3)).map { _ in hostPattern() } }
        if chance(5) { match.methods = (0..<number(1...2)).map { _ in pick(["GET", "POST", "PURGE", "HEAD"]) } }
        if chance(5) { match.fields = (0..<number(1...2)).map { _ in condition(["x-a", "x-b"]) } }
        if chance(6) { match.query = [condition(["a", "b"])] }
        if chance(6) { match.cookies = [condition(["a", "b"])] }
        if chance(6) {
            match.clients = ["10.0.0.0/8", "2001:db8::/32", "10.1.0.0/16"].shuffled(using: &random)
                .prefix(number(1...2)).compactMap { Network($0) }
        }
        return match
    }

    private mutating func hostPattern() -> HostPattern {
        switch number(0...5) {
        case 0: .any
        case 1, 2: .exact(Array(host().utf8))
        default: .suffix(Array(".".utf8) + Array(host().utf8))
        }
    }

    mutating func host() -> String {
        (0..<number(1...3)).map { _ in pick(["a", "b", "c"]) }.joined(separator: ".")
    }

    mutating func text(_ count: ClosedRange<Int>) -> String {
        (0..<number(count)).map { _ in pick(["/", "/a", "/b", "/ab", "a", "/x"]) }.joined()
    }

    private mutating func path() -> PathPattern {
        switch number(0...9) {
        case 0: return .any
        case 1, 2: return .exact(Array((chance(12) ? "" : "/").utf8) + Array(text(0...3).utf8))
        case 3, 4: return .prefix(Array(text(0...3).utf8))
        case 5, 6, 7:
            var segments = (0..<number(1...4)).map { index in
                pick(["a", "b", "ab", "", "{p\(index)}", "{q\(index)}", "x"])
            }
            if chance(4) { segments.append("{rest*}") }
            return (try? PathTemplate("/" + segments.joined(separator: "/"))).map { .template($0) } ?? .any
        default: return (try? RegularExpression(expression(3))).map { .regex($0) } ?? .any
        }
    }

    mutating func expression(_ depth: Int) -> String {
        switch number(0...(depth > 0 ? 11 : 3)) {
        case 0, 1: return pick(["a", "b", "/", "x"])
        case 2: return pick([".", "[ab]", "[^/]", "\\w"])
        case 3: return pick(["^", "$", "/", "a"])
        case 4...7: return expression(depth - 1) + expression(depth - 1)
        case 8, 9: return "(?:\(expression(depth - 1))|\(expression(depth - 1)))"
        default: return "(?:\(expression(depth - 1)))" + pick(["*", "+", "?", "{2}", "{1,2}"])
        }
    }

    private mutating func condition(_ names: [String]) -> ValueCondition {
        let test: ValueTest =
            switch number(0...3) {
            case 0: .present
            case 1: .exact(Array(value().utf8))
            case 2: .prefix(Array(value().utf8))
            default: (try? RegularExpression(expression(2))).map { .regex($0) } ?? .present
            }
        return ValueCondition(name: pick(names), test: test, isNegated: chance(3))
    }

    private mutating func value() -> String { (0..<number(0...2)).map { _ in pick(["a", "b"]) }.joined() }

    private mutating func sentValue() -> String {
        (0..<number(0...2)).map { _ in pick(["a", "b", "%61", "%62", "%", "%6", "+"]) }.joined()
    }

    mutating func request() throws -> Request {
        var fields: [String] = []
        for _ in 0..<number(0...3) { fields.append(pick(["X-A", "x-b", "X-C"]) + ": " + value()) }
        if chance(2) {
            fields.append(
                "Cookie: "
                    + (0..<number(1...3)).map { _ in pick(["a", "b"]) + "=" + value() }
                    .joined(separator: "; "))
        }
        let query =
            chance(2)
            ? "?"
                + (0..<number(1...3)).map { _ in pick(["a", "b", "%61", "b%"]) + "=" + sentValue() }
                .joined(separator: "&") : ""
        let name = host() + (chance(8) ? "." : "")
        return try Request(
            pick(["GET", "POST", "PURGE", "OPTIONS"]), "/" + text(0...3) + query,
            host: chance(4) ? name.uppercased() : name, fields: fields, path: chance(20) ? pick(["*", ""]) : nil,
            client: pick(["10.0.0.1", "10.1.2.3", "192.0.2.1", "2001:db8::1"]))
    }
}
