import ApusAddresses
import ApusModel

/// One scrape of the admin server.
struct Metrics {
    private var samples: [(name: Substring, labels: Substring, value: Double)] = []

    init(text: String) {
        for line in text.split(separator: "\n") where !line.hasPrefix("#") {
            guard let space = line.lastIndex(of: " "), let value = Double(line[line.index(after: space)...]) else {
                continue
            }
            let series = line[..<space]
            let brace = series.firstIndex(of: "{") ?? series.endIndex
            samples.append((series[..<brace], series[brace...], value))
        }
    }

    /// The values of all series of the metric whose labels contain `part`.
    func values(_ name: String, _ part: String = "") -> [Double] {
        samples.filter { $0.name == name && (part.isEmpty || $0.labels.contains(part)) }.map(\.value)
    }

    /// Their sum.
    func sum(_ name: String, _ part: String = "") -> Int { Int(values(name, part).reduce(0, +)) }

    func sum(_ name: String, endpoint: SocketAddress) -> Int { sum(name, "endpoint=\"\(endpoint)\"") }
}
