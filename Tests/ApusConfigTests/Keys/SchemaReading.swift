import Foundation
import Yams

@testable import ApusConfig

/// The JSON Schema of configurations, by the few keywords that it uses.
struct SchemaReading {
    private let schema: [String: Any] =
        (try? JSONSerialization.jsonObject(with: Data(ConfigurationSchema.text.utf8))) as? [String: Any] ?? [:]

    /// What is wrong with a file; nil when nothing is.
    func problem(with text: String) throws -> String? {
        guard let value = try Yams.load(yaml: text) else { return "nothing" }
        return problem(with: value, schema, at: "")
    }

    private func definition(_ name: String) -> [String: Any] {
        let definitions = schema["$defs"] as? [String: Any]
        return definitions?[name.replacing("#/$defs/", with: "")] as? [String: Any] ?? [:]
    }

    private func problem(with value: Any, _ schema: [String: Any], at place: String) -> String? {
        if let name = schema["$ref"] as? String { return problem(with: value, definition(name), at: place) }
        if let choices = schema["anyOf"] as? [[String: Any]] {
            let problems = choices.map { problem(with: value, $0, at: place) }
            if !problems.contains(where: { $0 == nil }) { return "\(place): \(problems.compactMap(\.self))" }
        }
        if let choices = schema["enum"] as? [Any], !choices.contains(where: { "\($0)" == written(value) }) {
            return "\(place): \(value) is none of \(choices)"
        }
        if let types = (schema["type"] as? [String]) ?? (schema["type"] as? String).map({ [$0] }),
            !types.contains(where: { isOf($0, value) })
        {
            return "\(place): \(value) is no \(types)"
        }
        if let pattern = schema["pattern"] as? String, let text = value as? String,
            text.range(of: pattern, options: .regularExpression) == nil
        {
            return "\(place): \(text) does not match \(pattern)"
        }
        if let number = (value as? Int).map(Double.init) ?? value as? Double, let least = schema["minimum"] as? Double,
            let most = schema["maximum"] as? Double, !(least...most).contains(number)
        {
            return "\(place): \(number) is out of bounds"
        }
        if let items = value as? [Any], let schema = schema["items"] as? [String: Any] {
            return items.enumerated().lazy.compactMap { problem(with: $1, schema, at: "\(place)[\($0)]") }.first
        }
        guard let members = value as? [String: Any] else { return nil }
        for name in schema["required"] as? [String] ?? [] where members[name] == nil && members["<<"] == nil {
            return "\(place): \(name) is missing"
        }
        let properties = schema["properties"] as? [String: Any] ?? [:]
        for (name, member) in members {
            if let schema = properties[name] as? [String: Any] {
                if let problem = problem(with: member, schema, at: "\(place).\(name)") { return problem }
            } else if let schema = schema["additionalProperties"] as? [String: Any] {
                if let problem = problem(with: member, schema, at: "\(place).\(name)") { return problem }
            } else if schema["additionalProperties"] as? Bool == false {
                return "\(place): \(name) is unknown"
            }
        }
        return nil
    }

    private func written(_ value: Any) -> String {
        if let flag = value as? Bool { return flag ? "1" : "0" }
        // The schema's own 0 and 1 are words that YAML 1.1 takes for booleans.
        if let number = value as? Int, (0...1).contains(number) { return "a number" }
        return "\(value)"
    }

    private func isOf(_ type: String, _ value: Any) -> Bool {
        switch type {
        case "string": value is String || value is Date
        case "integer": value is Int
        case "number": value is Int || value is Double
        case "boolean": value is Bool
        case "array": value is [Any]
        case "object": value is [String: Any]
        default: false
        }
    }
}
