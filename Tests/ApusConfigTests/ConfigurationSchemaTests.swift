import Foundation
import Testing
import Yams

@testable import ApusConfig

/// The schema says what the loader does: it knows the same keys, and takes every file that loads.
@Suite struct ConfigurationSchemaTests {
    private let schema: [String: Any] =
        (try? JSONSerialization.jsonObject(with: Data(ConfigurationSchema.text.utf8))) as? [String: Any] ?? [:]

    @Test(arguments: try GoldenTests.files(ending: ".yaml").filter { $0.hasPrefix("good") })
    func everyGoodFileIsValid(file: String) throws {
        let text = try String(contentsOf: GoldenTests.folder.appending(path: file), encoding: .utf8)
        let value = try #require(try Yams.load(yaml: text))
        #expect(problem(with: value, schema, at: "") == nil)
    }

    @Test(arguments: ReferenceTests.examples)
    func everyExampleIsValid(example: String) throws {
        let value = try #require(try Yams.load(yaml: example))
        #expect(problem(with: value, schema, at: "") == nil)
    }

    @Test(arguments: [
        "listners: []", "workers: many", "pools: { web: { endpoints: [a], balanc: random } }", "timeouts: { idle: 5 }",
        "pools: { web: { } }", "pools: { web: { balance: fast, endpoints: [] } }", "limits: { body: 10 }",
        "listeners: [{ bind: \":1\", routes: [{ pol: a }] }]", "watch: 5", "admin: { bind: run/x }",
    ])
    func mistakesAreNotValid(text: String) throws {
        let value = try #require(try Yams.load(yaml: text))
        #expect(problem(with: value, schema, at: "") != nil)
    }

    /// The loader's own list of the keys of each section is in the schema, and the schema's in the table of all keys.
    @Test(arguments: ReferenceTests.sections)
    func theKeysAreTheLoaders(path: String, text: String) throws {
        let loaders = try ReferenceTests.keys(of: text)
        let keys = Set(keys(at: path)).subtracting(["<<"])
        #expect(keys.isSuperset(of: loaders))
        let table = try #require(ReferenceTests.text)
        for key in keys where path != "pools.NAME." || key != "expect" {
            #expect(table.contains("`\(path)\(key)`") || table.contains("`\(path)\(key)."), "no row for \(path)\(key)")
        }
    }

    private func keys(at path: String) -> [String] {
        var schemas: [[String: Any]] = [schema]
        for part in path.split(separator: ".") {
            let name = part.hasSuffix("[]") ? String(part.dropLast(2)) : String(part)
            schemas = schemas.flatMap { schema in alternatives(schema) }.compactMap { schema in
                if name == "NAME" { return schema["additionalProperties"] as? [String: Any] }
                return (schema["properties"] as? [String: Any])?[name] as? [String: Any]
            }
            if part.hasSuffix("[]") {
                schemas = schemas.flatMap(alternatives).compactMap { $0["items"] as? [String: Any] }
            }
        }
        return schemas.flatMap(alternatives).flatMap { ($0["properties"] as? [String: Any] ?? [:]).keys }
    }

    private func alternatives(_ schema: [String: Any]) -> [[String: Any]] {
        if let name = schema["$ref"] as? String { return alternatives(definition(name)) }
        return [schema] + (schema["anyOf"] as? [[String: Any]] ?? []).flatMap(alternatives)
    }

    private func definition(_ name: String) -> [String: Any] {
        let definitions = schema["$defs"] as? [String: Any]
        return definitions?[name.replacing("#/$defs/", with: "")] as? [String: Any] ?? [:]
    }

    /// What is wrong by the few keywords that the schema uses; nil when nothing is.
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
        if let number = value as? Int, let least = schema["minimum"] as? Double,
            let most = schema["maximum"] as? Double,
            !(least...most).contains(Double(number))
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
