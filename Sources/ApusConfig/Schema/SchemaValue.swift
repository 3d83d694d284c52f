/// What may stand for a key, as the JSON Schema has it.
indirect enum SchemaValue: Sendable {
    /// Any text; the pattern is a regular expression that it must match.
    case text(pattern: String? = nil)
    case integer(ClosedRange<Int>)
    case decimal(ClosedRange<Double>)
    case words([String])
    case flag
    /// One of the shared shapes.
    case named(SchemaName)
    case list(of: SchemaValue)
    /// Names that the author chooses, each with such a value.
    case names(of: SchemaValue)
    case section([SchemaKey])
    case either([SchemaValue])
}

/// The shared shapes.
enum SchemaName: String, CaseIterable, Sendable {
    case duration, size, percent, secret, address, path, name, network, statuses, condition, variable
}

/// A key of a section.
struct SchemaKey: Sendable {
    var name: String
    var value: SchemaValue
    /// A sentence for whoever writes the key.
    var about: String
    var isRequired = false

    init(_ name: String, _ value: SchemaValue, _ about: String, isRequired: Bool = false) {
        self.name = name
        self.value = value
        self.about = about
        self.isRequired = isRequired
    }
}

extension SchemaValue {
    /// `off`, or this.
    var orOff: SchemaValue { .either([.words(["off"]), self]) }
    /// `off`, a word, or this.
    func or(_ words: String...) -> SchemaValue { .either([.words(words), self]) }
    /// This, or a list of it.
    var oneOrMore: SchemaValue { .either([self, .list(of: self)]) }

    /// The schema as JSON.
    var json: String {
        switch self {
        case .text(nil): "{\"type\":[\"string\",\"number\",\"boolean\"]}"
        case .text(let pattern?): "{\"type\":[\"string\",\"number\",\"boolean\"],\"pattern\":\(quoted(pattern))}"
        case .integer(let bounds):
            Self.number("{\"type\":\"integer\",\"minimum\":\(bounds.lowerBound),\"maximum\":\(bounds.upperBound)}")
        case .decimal(let bounds):
            Self.number("{\"type\":\"number\",\"minimum\":\(bounds.lowerBound),\"maximum\":\(bounds.upperBound)}")
        case .words(let words): Self.enumeration(words)
        case .flag: Self.number("{\"type\":\"boolean\"}")
        case .named(let name): "{\"$ref\":\"#/$defs/\(name.rawValue)\"}"
        case .list(let item): "{\"type\":\"array\",\"items\":\(item.json)}"
        case .names(let value): "{\"type\":\"object\",\"additionalProperties\":\(value.json)}"
        case .section(let keys): Self.section(keys)
        case .either(let values): "{\"anyOf\":[\(values.map(\.json).joined(separator: ","))]}"
        }
    }

    /// Anything that is no text may also come from the environment.
    private static func number(_ schema: String) -> String {
        "{\"anyOf\":[\(schema),\(SchemaValue.named(.variable).json)]}"
    }

    /// Editors read YAML 1.1, to which `on` and `off` are booleans, or YAML 1.2, to which they are words.
    private static func enumeration(_ words: [String]) -> String {
        var values = words.map(quoted)
        if words.contains("on") { values.append("true") }
        if words.contains("off") { values.append("false") }
        return "{\"anyOf\":[{\"enum\":[\(values.joined(separator: ","))]},\(SchemaValue.named(.variable).json)]}"
    }

    private static func section(_ keys: [SchemaKey]) -> String {
        let properties = keys.map { key in
            let schema = key.value.json
            // A description beside what the schema says.
            return "\(quoted(key.name)):{\"description\":\(quoted(key.about)),\(schema.dropFirst())"
        }
        let required = keys.filter(\.isRequired).map { quoted($0.name) }
        var parts = ["\"type\":\"object\"", "\"additionalProperties\":false"]
        if !required.isEmpty { parts.append("\"required\":[\(required.joined(separator: ","))]") }
        // Merge keys are YAML's.
        parts.append("\"properties\":{\((properties + ["\"<<\":{}"]).joined(separator: ","))}")
        return "{\(parts.joined(separator: ","))}"
    }
}

/// A JSON string (RFC 8259 section 7); the texts here have no control characters.
func quoted(_ text: String) -> String {
    "\"" + text.replacing("\\", with: "\\\\").replacing("\"", with: "\\\"") + "\""
}
