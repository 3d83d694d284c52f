import Foundation

@testable import ApusControl

extension JSONValue {
    init(parsing text: String) throws {
        self = try JSONDecoder().decode(JSONValue.self, from: Data(text.utf8))
    }

    var list: [JSONValue] { if case .list(let items) = self { items } else { [] } }
    var text: String? { if case .text(let text) = self { text } else { nil } }
    var members: [String: JSONValue] { if case .object(let members) = self { members } else { [:] } }
}

/// Holds values against the schemas of the OpenAPI document: the part of JSON Schema 2020-12 that it uses, and an error for
/// any other word.
struct SchemaCheck {
    let schemas: [String: JSONValue]

    init(_ document: JSONValue) { schemas = document["components"]?["schemas"]?.members ?? [:] }

    private static let known: Set<String> = [
        "$ref", "type", "enum", "properties", "required", "additionalProperties", "items", "minimum", "maximum",
        "format",
        "description",
    ]

    /// What is wrong, each with its place; nothing for a value as it should be.
    func mistakes(in value: JSONValue, _ schema: JSONValue, at place: String = "") -> [String] {
        var mistakes: [String] = []
        for word in schema.members.keys where !Self.known.contains(word) { mistakes.append("unknown word \(word)") }
        if let reference = schema["$ref"]?.text {
            let name = reference.split(separator: "/").last.map(String.init) ?? ""
            guard let target = schemas[name] else { return ["no schema \(name)"] }
            return self.mistakes(in: value, target, at: place)
        }
        if let type = schema["type"] {
            let allowed = type.text.map { [$0] } ?? type.list.compactMap(\.text)
            if !allowed.contains(where: { Self.isOf(value, type: $0) }) {
                return mistakes + ["\(place): \(value.kind) is no \(allowed.joined(separator: " or "))"]
            }
        }
        if let choices = schema["enum"]?.list, !choices.contains(value) {
            mistakes.append("\(place): \(value.kind) is none of \(choices.compactMap(\.text))")
        }
        if let number = value.asNumber {
            if let least = schema["minimum"]?.asNumber, number < least { mistakes.append("\(place): below \(least)") }
            if let most = schema["maximum"]?.asNumber, number > most { mistakes.append("\(place): above \(most)") }
        }
        if schema["format"]?.text == "date-time", (try? Date(value.text ?? "", strategy: .iso8601)) == nil {
            mistakes.append("\(place): \(value.kind) is no time")
        }
        if let items = schema["items"] {
            for (index, item) in value.list.enumerated() {
                mistakes += self.mistakes(in: item, items, at: "\(place)[\(index)]")
            }
        }
        return mistakes + memberMistakes(in: value, schema, at: place)
    }

    private func memberMistakes(in value: JSONValue, _ schema: JSONValue, at place: String) -> [String] {
        guard case .object(let members) = value else { return [] }
        var mistakes: [String] = []
        let properties = schema["properties"]?.members ?? [:]
        for name in schema["required"]?.list.compactMap(\.text) ?? [] where members[name] == nil {
            mistakes.append("\(place).\(name) is missing")
        }
        for (name, member) in members {
            if let property = properties[name] {
                mistakes += self.mistakes(in: member, property, at: "\(place).\(name)")
            } else if let others = schema["additionalProperties"] {
                if others == false {
                    mistakes.append("\(place).\(name) is not in the schema")
                } else {
                    mistakes += self.mistakes(in: member, others, at: "\(place).\(name)")
                }
            }
        }
        return mistakes
    }

    private static func isOf(_ value: JSONValue, type: String) -> Bool {
        switch (type, value) {
        case ("null", .null), ("boolean", .flag), ("integer", .integer), ("number", .integer), ("number", .number),
            ("string", .text), ("array", .list), ("object", .object):
            true
        default: false
        }
    }
}

extension JSONValue {
    fileprivate var asNumber: Double? {
        switch self {
        case .integer(let number): Double(number)
        case .number(let number): number
        default: nil
        }
    }
}
