/// Metrics as a scrape has them: the Prometheus text format, version 0.0.4, as the admin server writes it.
public struct Exposition: Sendable {
    public struct Sample: Sendable, Equatable {
        public var labels: [String: String]
        public var value: Double

        /// The value of a label; empty where there is none.
        public subscript(label: String) -> String { labels[label] ?? "" }
    }

    private var families: [String: [Sample]] = [:]

    /// Reads the text. Lines that are none of the format are left out.
    public init(_ text: String) {
        for line in text.utf8.split(separator: UInt8(ascii: "\n")) where line.first != UInt8(ascii: "#") {
            guard let (name, sample) = Self.read(line) else { continue }
            families[name, default: []].append(sample)
        }
    }

    /// The samples of a metric, in their order.
    public subscript(name: String) -> [Sample] { families[name] ?? [] }

    /// The sum of a metric over all its samples.
    public func total(_ name: String) -> Double { self[name].reduce(0) { $0 + $1.value } }

    private static func read(_ line: Substring.UTF8View) -> (String, Sample)? {
        var rest = line
        let nameEnd = rest.firstIndex { $0 == UInt8(ascii: "{") || $0 == UInt8(ascii: " ") } ?? rest.endIndex
        let name = String(Substring(rest[..<nameEnd]))
        rest = rest[nameEnd...]
        var labels: [String: String] = [:]
        if rest.first == UInt8(ascii: "{") {
            rest = rest.dropFirst()
            while let first = rest.first, first != UInt8(ascii: "}") {
                guard let (label, value) = readLabel(&rest) else { return nil }
                labels[label] = value
            }
            rest = rest.dropFirst()
        }
        let number = rest.drop { $0 == UInt8(ascii: " ") }.prefix { $0 != UInt8(ascii: " ") }
        guard let value = Double(Substring(number)) else { return nil }
        return (name, Sample(labels: labels, value: value))
    }

    /// `name="value",` with `\\`, `\"` and `\n` in the value.
    private static func readLabel(_ rest: inout Substring.UTF8View) -> (String, String)? {
        guard let equals = rest.firstIndex(of: UInt8(ascii: "=")) else { return nil }
        let name = String(Substring(rest[..<equals]))
        rest = rest[equals...].dropFirst()
        guard rest.popFirst() == UInt8(ascii: "\"") else { return nil }
        var value: [UInt8] = []
        while let byte = rest.popFirst() {
            switch byte {
            case UInt8(ascii: "\""):
                if rest.first == UInt8(ascii: ",") { rest = rest.dropFirst() }
                return (name, String(decoding: value, as: UTF8.self))
            case UInt8(ascii: "\\"):
                guard let escaped = rest.popFirst() else { return nil }
                value.append(escaped == UInt8(ascii: "n") ? UInt8(ascii: "\n") : escaped)
            default: value.append(byte)
            }
        }
        return nil
    }
}
