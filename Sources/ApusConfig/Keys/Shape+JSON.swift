import ApusModel

extension Shape {
    /// The shape as JSON Schema, with the bounds that the loader has.
    var json: String {
        switch self {
        case .text(nil): return "{\"type\":[\"string\",\"number\",\"boolean\"]}"
        case .text(let pattern?):
            return "{\"type\":\"string\",\"pattern\":\(quoted(pattern))}"
        case .integer(let bounds):
            return Self.number(
                "{\"type\":\"integer\",\"minimum\":\(bounds.lowerBound),\"maximum\":\(bounds.upperBound)}")
        case .numbers(let numbers):
            return Self.number("{\"enum\":[\(numbers.map(String.init).joined(separator: ","))]}")
        case .decimal(let bounds):
            return Self.number(
                "{\"type\":\"number\",\"minimum\":\(bounds.lowerBound),\"maximum\":\(bounds.upperBound)}")
        case .percent(let bounds): return Self.string(QuantityPattern.percent(bounds))
        case .duration(Bounds.durations): return Shape.named(.duration).json
        case .duration(let bounds): return Self.string(QuantityPattern.duration(bounds))
        case .size(let bounds): return Self.string(QuantityPattern.size(bounds))
        case .statuses(let bounds):
            let number = QuantityPattern.digits(bounds)
            return Shape.either([.integer(bounds), .text(pattern: "^(\(number))-(\(number))$|\\$\\{")]).oneOrMore.json
        case .words(let words): return Self.enumeration(words)
        case .flag: return Self.number("{\"type\":\"boolean\"}")
        case .named(let name): return "{\"$ref\":\"#/$defs/\(name.rawValue)\"}"
        case .list(let item): return "{\"type\":\"array\",\"items\":\(item.json)}"
        case .names(let value): return "{\"type\":\"object\",\"additionalProperties\":\(value.json)}"
        case .section(let keys): return Self.section(keys)
        case .either(let shapes): return "{\"anyOf\":[\(shapes.map(\.json).joined(separator: ","))]}"
        }
    }

    /// A text that matches `pattern`, or that comes from the environment.
    static func string(_ pattern: String) -> String {
        "{\"type\":\"string\",\"pattern\":\(quoted("\(pattern)|\\$\\{"))}"
    }

    /// Anything that is not a text may also come from the environment.
    private static func number(_ schema: String) -> String {
        "{\"anyOf\":[\(schema),\(Shape.named(.variable).json)]}"
    }

    /// Editors read YAML 1.1, to which `on` and `off` are booleans, or YAML 1.2, to which they are words.
    private static func enumeration(_ words: [String]) -> String {
        var values = words.map(quoted)
        if words.contains("on") { values.append("true") }
        if words.contains("off") { values.append("false") }
        return "{\"anyOf\":[{\"enum\":[\(values.joined(separator: ","))]},\(Shape.named(.variable).json)]}"
    }

    private static func section(_ keys: [KeyDescription]) -> String {
        let properties = keys.map { key in
            // A description beside what the schema says.
            "\(quoted(key.name)):{\"description\":\(quoted(key.hint)),\(key.shape.json.dropFirst())"
        }
        let required = keys.filter { $0.example != nil }.map { quoted($0.name) }
        var parts = ["\"type\":\"object\"", "\"additionalProperties\":false"]
        if !required.isEmpty { parts.append("\"required\":[\(required.joined(separator: ","))]") }
        // Merge keys are YAML's.
        parts.append("\"properties\":{\((properties + ["\"<<\":{}"]).joined(separator: ","))}")
        return "{\(parts.joined(separator: ","))}"
    }
}

extension KeyDescription {
    /// What an editor shows: the sentence, the default, and what a change needs.
    var hint: String {
        var parts = [about]
        if let usual, !usual.isEmpty { parts.append("Default: \(usual).") }
        switch change {
        case .reload: break
        case .upgrade: parts.append("A change needs an upgrade.")
        case .restart: parts.append("A change needs a restart.")
        }
        return parts.filter { !$0.isEmpty }.joined(separator: " ")
    }
}

/// A JSON string (RFC 8259 section 7); the texts here have no control characters.
func quoted(_ text: String) -> String {
    "\"" + text.replacing("\\", with: "\\\\").replacing("\"", with: "\\\"") + "\""
}
