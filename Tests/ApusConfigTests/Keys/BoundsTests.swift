import ApusModel
import Foundation
import Testing
import Yams

@testable import ApusConfig

/// Every bound and every default holds for all that know it: the loader, the schema, and snapshots built in code.
@Suite struct BoundsTests {
    private let schema = SchemaReading()

    /// Those that have bounds.
    static let bounded = PlacedKey.all.filter { !$0.key.shape.samples.inside.isEmpty }

    @Test func manyKeysHaveBounds() {
        #expect(Self.bounded.count > 90)
        #expect(Self.bounded.contains { $0.path == "pools.NAME.breaker.window" })
    }

    @Test(arguments: bounded)
    func boundsAreTheSameEverywhere(placed: PlacedKey) throws {
        let samples = placed.key.shape.samples
        for value in samples.inside {
            #expect(try refusal(of: placed, value) == nil, "the loader refuses \(value)")
            #expect(try schema.problem(with: placed.file(value)) == nil, "the schema refuses \(value)")
        }
        for value in samples.outside {
            #expect(try refusal(of: placed, value) != nil, "the loader takes \(value)")
            #expect(try schema.problem(with: placed.file(value)) != nil, "the schema takes \(value)")
        }
    }

    @Test(arguments: ["1/1": true, "1/1000000": true, "1/0": false, "1/1000001": false])
    func samplesToo(value: String, isGood: Bool) throws {
        let placed = try #require(PlacedKey.all.first { $0.path == "access_log.sample" })
        #expect(try (refusal(of: placed, value) == nil) == isGood)
        #expect(try (schema.problem(with: placed.file(value)) == nil) == isGood)
    }

    /// What the loader says of the key's value; nil when it takes it. A snapshot with it must be good then.
    private func refusal(of placed: PlacedKey, _ value: String) throws -> String? {
        let loaded: LoadedConfiguration
        do throws(ConfigurationErrors) {
            loaded = try ConfigurationLoader.scripted.load(text: placed.file(value), file: "f")
        } catch {
            return error.diagnostics.map(\.message).first { $0.contains("`\(placed.key.name)`: expected") }
        }
        try loaded.snapshot.check()
        return nil
    }

    /// Those whose default is a value that can be written.
    static let defaulted = PlacedKey.all.filter { placed in
        guard let usual = placed.key.usual, !usual.isEmpty, usual != "none" else { return false }
        return (!usual.contains(" ") || usual.contains("text/plain")) && usual != "chance"
    }

    @Test(arguments: defaulted)
    func everyDefaultIsTheOneThatIsUsed(placed: PlacedKey) throws {
        func lines(_ value: String?) throws -> [String] {
            try ConfigurationLoader.scripted.load(text: placed.file(value), file: "f").snapshot.inLines
        }
        #expect(try lines(placed.key.usual) == lines(nil))
    }
}
