import Foundation
import Testing

@testable import ApusConfig

/// The schema says what the loader does: it knows the same keys, and takes every file that loads.
@Suite struct ConfigurationSchemaTests {
    private let schema = SchemaReading()

    @Test(arguments: try GoldenTests.files(ending: ".yaml").filter { $0.hasPrefix("good") })
    func everyGoodFileIsValid(file: String) throws {
        let text = try String(contentsOf: GoldenTests.folder.appending(path: file), encoding: .utf8)
        #expect(try schema.problem(with: text) == nil)
    }

    @Test(arguments: ReferenceTests.examples)
    func everyExampleIsValid(example: String) throws {
        #expect(try schema.problem(with: example) == nil)
    }

    @Test(arguments: [
        "listners: []", "workers: many", "pools: { web: { endpoints: [a], balanc: random } }", "timeouts: { idle: 5 }",
        "pools: { web: { } }", "pools: { web: { balance: fast, endpoints: [] } }", "limits: { body: 10 }",
        "listeners: [{ bind: \":1\", routes: [{ pol: a }] }]", "watch: 5", "admin: { bind: run/x }",
    ])
    func mistakesAreNotValid(text: String) throws {
        #expect(try schema.problem(with: text) != nil)
    }
}
