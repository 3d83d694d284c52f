import ApusModel
import Testing

@testable import ApusConfig

/// A key with its place in a configuration: `pools.NAME.breaker.window`.
struct PlacedKey: Sendable, CustomTestStringConvertible {
    let path: String
    let key: KeyDescription

    var testDescription: String { path }

    /// Every key, in the order of the reference. Sections that are there twice are there once: the reference says of the
    /// second that it has the same keys.
    static let all: [PlacedKey] = {
        var all: [PlacedKey] = []
        func visit(_ shape: Shape, _ path: String) {
            switch shape {
            case .section(let keys):
                for key in keys {
                    let place = path.isEmpty ? key.name : "\(path).\(key.name)"
                    all.append(PlacedKey(path: place, key: key))
                    if !place.hasSuffix("pool_breaker"), !place.hasSuffix("headers.response") {
                        visit(key.shape, place)
                    }
                }
            case .list(let item): visit(item, path == "admin" ? path : path + "[]")
            case .names(let item): visit(item, path + ".NAME")
            case .either(let shapes): for shape in shapes { visit(shape, path) }
            default: break
            }
        }
        visit(ConfigurationSchema.root, "")
        var known: Set<String> = []
        return all.filter { known.insert($0.path).inserted }
    }()

    // MARK: - A file that has it

    /// What must stand beside a key for it to be read.
    private static let companions = [
        "listeners[].routes[].": "pool: web", "listeners[].routes[].redirect": "", "listeners[].routes[].respond": "",
        "listeners[].routes[].pool": "", "listeners[].routes[].pools": "", "pools.NAME.health.method": "path: /",
        "pools.NAME.health.expect": "path: /", "pools.NAME.health.expect.": "body: ok",
        "pools.NAME.health.expect.body": "", "pools.NAME.health.expect.reply": "",
        "pools.NAME.fallback.": "body: Sorry",
        "pools.NAME.fallback.body": "", "pools.NAME.fallback.pool": "",
        "listeners[].routes[].rewrite.": "host: origin.test", "listeners[].routes[].rewrite.host": "",
        "pools.NAME.sticky.": "cookie: apus, secret: 0123456789abcdef",
        "pools.NAME.sticky.capacity": "learn: id", "pools.NAME.hash": "balance: hash",
        "pools.NAME.breaker.slow_after": "slow: 10%", "access_log.": "to: syslog",
        "access_log.failures": "to: stdout, sample: 1/2", "process.group": "user: apus",
        "listeners[].tls.": "certificate: tls/both.pem", "listeners[].tls.key": "certificate: tls/site.pem",
        "listeners[].tls.certificate": "", "listeners[].tls.certificates": "",
        "listeners[].tls.certificates[].": "certificate: tls/both.pem",
        "listeners[].tls.clients.": "ca: tls/ca.pem", "listeners[].tls.clients.ca": "",
        "listeners[].tls.certificates[].clients.": "ca: tls/ca.pem", "listeners[].tls.certificates[].clients.ca": "",
        "listeners[].tls.certificates[].certificate": "", "listeners[].proxy_protocol.": "from: [10.0.0.0/8]",
        "listeners[].proxy_protocol.from": "",
        "admin.tls.": "certificate: tls/both.pem", "admin.tls.key": "certificate: tls/site.pem",
        "admin.tls.certificate": "",
        "admin.tls.clients.": "ca: tls/ca.pem", "admin.tls.clients.ca": "",
        "pools.NAME.tls.": "ca: tls/ca.pem",
        "pools.NAME.tls.ca": "", "pools.NAME.tls.key": "certificate: tls/client.pem, ca: tls/ca.pem",
    ]

    /// A configuration in which the key has `value`, or is left out while all else is the same.
    func file(_ value: String?) -> String {
        var parts = path.split(separator: ".").map(String.init)
        var text = value.map { "{ \(parts.removeLast()): \($0) }" } ?? "{}"
        if value == nil { parts.removeLast() }
        var below = path.split(separator: ".").last.map(String.init)
        for depth in stride(from: parts.count, through: 0, by: -1) {
            let section = parts[..<depth].joined(separator: ".")
            text = Self.completed(text, section, without: below ?? "")
            guard depth > 0 else { break }
            var name = parts[depth - 1]
            below = name.replacing("[]", with: "")
            if name.hasSuffix("[]") { text = "[\(text)]" }
            if name == "NAME" { name = "web" }
            text = "{ \(name.replacing("[]", with: "")): \(text) }"
        }
        return text
    }

    /// With what the section needs besides `key`.
    private static func completed(_ text: String, _ section: String, without key: String) -> String {
        let prefix = section.isEmpty ? "" : section + "."
        var needed = all.filter { $0.path.hasPrefix(prefix) && !$0.path.dropFirst(prefix.count).contains(".") }
            .filter { !$0.path.dropFirst(prefix.count).contains("[]") && $0.key.name != key }
            .compactMap { placed in placed.key.example.map { "\(placed.key.name): \($0)" } }
        if let companion = companions[prefix + key] ?? companions[prefix], !companion.isEmpty {
            needed.removeAll { companion.hasPrefix($0.prefix { $0 != ":" } + ":") }
            needed.append(companion)
        }
        if section.isEmpty, key != "pools" {
            needed.removeAll { $0.hasPrefix("pools:") }
            needed.append("pools: { web: { endpoints: [127.0.0.1:3001] } }")
        }
        guard !needed.isEmpty else { return text }
        let added = needed.joined(separator: ", ")
        return text == "{}" ? "{ \(added) }" : "{ \(added), \(text.dropFirst(2))"
    }
}

extension Shape {
    /// Values at the bounds, and just outside of them.
    var samples: (inside: [String], outside: [String]) {
        func samples<Number: Comparable>(
            _ bounds: ClosedRange<Number>, _ step: (Number, Int) -> Number, _ write: (Number) -> String
        ) -> (inside: [String], outside: [String]) {
            let (low, high) = (bounds.lowerBound, bounds.upperBound)
            return ([write(low), write(high)], [write(step(low, -1)), write(step(high, 1))])
        }
        switch self {
        case .integer(let bounds): return samples(bounds, +) { "\($0)" }
        case .numbers(let numbers): return (numbers.map { "\($0)" }, ["304", "309"])
        case .percent(let bounds): return samples(bounds, +) { "\($0)%" }
        case .decimal(let bounds): return samples(bounds, { $0 + Double($1) / 200 }, Decimal.write)
        case .duration(let bounds):
            return samples(bounds, { $0 + ($1 < 0 ? .milliseconds(-1) : .seconds(1)) }, \.configured)
        case .size(let bounds) where bounds.upperBound == .max: return (["0B", "1GiB"], [])
        case .size(let bounds): return samples(bounds, +) { ByteSize.write($0) }
        case .statuses(let bounds):
            let sample = samples(bounds, +) { "\($0)" }
            return (sample.inside + ["\(bounds.lowerBound)-\(bounds.upperBound)"], sample.outside)
        case .either(let shapes):
            return shapes.map(\.samples).reduce(([], [])) { ($0.0 + $1.inside, $0.1 + $1.outside) }
        default: return ([], [])
        }
    }
}
