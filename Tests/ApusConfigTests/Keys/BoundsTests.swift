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

    /// A bound that stands in a declaration holds for snapshots that are built in code too: what a loader without bounds
    /// makes of a value just outside, `Snapshot.check` refuses. Some are wider in code, where nobody writes them by hand.
    @Test(arguments: bounded)
    func snapshotsBuiltInCodeAreHeldToTheBounds(placed: PlacedKey) throws {
        var loader = ConfigurationLoader.scripted
        loader.ignoresBounds = true
        for value in placed.key.shape.samples.outside where !Self.widerInCode.contains("\(placed.key.name) \(value)") {
            let loaded: LoadedConfiguration
            do throws(ConfigurationErrors) {
                loaded = try loader.load(text: placed.file(value), file: "f")
            } catch {
                // It is refused where it is put together: no snapshot has it.
                continue
            }
            #expect(!loaded.snapshot.problems.isEmpty, "a snapshot may have \(value)")
        }
    }

    /// What a program may say and a file may not; a number that no port can have; and idle connections beyond the most that
    /// may be open, which are so many.
    private static let widerInCode: Set = [
        "backoff 0s", "max_backoff 0s", "min_rate 0B", "min_rate 1048577B", "buffer_memory 1048575B", "port 65536",
        "max_idle 1000001",
    ]

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
