/// A strict reader of the Prometheus text format, version 0.0.4: takes what Prometheus takes, and no duplicates.
struct Exposition {
    struct Sample: Equatable {
        var name: String
        var labels: [String: String]
        var value: Double
    }

    struct Malformed: Error, Equatable {
        var line: Int
        var problem: String
    }

    private(set) var types: [String: String] = [:]
    private(set) var samples: [Sample] = []

    init(_ text: String) throws {
        guard text.hasSuffix("\n") else { throw Malformed(line: 0, problem: "no newline at the end") }
        var helped: Set<String> = []
        var finished: Set<String> = []
        var family = ""
        for (index, line) in text.dropLast().split(separator: "\n", omittingEmptySubsequences: false).enumerated() {
            func fail(_ problem: String) -> Malformed { Malformed(line: index + 1, problem: "\(problem): \(line)") }
            let words = line.split(separator: " ", maxSplits: 3)
            if line.hasPrefix("# HELP ") {
                guard words.count == 4, helped.insert(String(words[2])).inserted else { throw fail("bad HELP") }
                finished.insert(family)
                family = String(words[2])
                guard !finished.contains(family) else { throw fail("family is not in one piece") }
            } else if line.hasPrefix("# TYPE ") {
                guard words.count == 4, words[2] == family, types[family] == nil,
                    ["counter", "gauge", "histogram"].contains(words[3])
                else { throw fail("bad TYPE") }
                types[family] = String(words[3])
            } else {
                guard let sample = Self.sample(line) else { throw fail("bad sample") }
                let suffixes = types[family] == "histogram" ? ["_bucket", "_sum", "_count"] : [""]
                guard suffixes.contains(where: { family + $0 == sample.name }) else { throw fail("of another family") }
                guard !samples.contains(where: { $0.name == sample.name && $0.labels == sample.labels }) else {
                    throw fail("twice")
                }
                samples.append(sample)
            }
        }
    }

    /// The value of the one sample with this name and exactly these labels.
    func value(_ name: String, _ labels: [String: String] = [:]) -> Double? {
        samples.first { $0.name == name && $0.labels == labels }?.value
    }

    private static func sample(_ line: Substring) -> Sample? {
        var rest = line
        let name = take(&rest) { $0.isLetter || $0.isNumber || $0 == "_" || $0 == ":" }
        guard let first = name.first, !first.isNumber, name.allSatisfy(\.isASCII) else { return nil }
        var labels: [String: String] = [:]
        if rest.first == "{" {
            rest.removeFirst()
            while rest.first != "}" {
                let label = take(&rest) { $0.isLetter || $0.isNumber || $0 == "_" }
                guard !label.isEmpty, rest.hasPrefix("=\"") else { return nil }
                rest.removeFirst(2)
                guard let value = quoted(&rest), labels.updateValue(value, forKey: label) == nil else { return nil }
                if rest.first == "," { rest.removeFirst() } else if rest.first != "}" { return nil }
            }
            rest.removeFirst()
        }
        guard rest.first == " ", let value = rest.dropFirst() == "+Inf" ? .infinity : Double(rest.dropFirst()) else {
            return nil
        }
        return Sample(name: name, labels: labels, value: value)
    }

    private static func take(_ rest: inout Substring, while matches: (Character) -> Bool) -> String {
        let taken = rest.prefix(while: matches)
        rest = rest[taken.endIndex...]
        return String(taken)
    }

    /// What stands up to the closing quote, which is taken too.
    private static func quoted(_ rest: inout Substring) -> String? {
        var value = ""
        while let character = rest.popFirst() {
            switch character {
            case "\"": return value
            case "\\":
                switch rest.popFirst() {
                case "\\": value += "\\"
                case "\"": value += "\""
                case "n": value += "\n"
                default: return nil
                }
            default: value.append(character)
            }
        }
        return nil
    }
}
