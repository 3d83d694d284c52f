import ApusAddresses
import Testing

@testable import ApusControl

@Suite struct NameTableTests {
    static let second: Int64 = 1_000_000
    let one = [IPAddress(ipv4: 1)]
    let two = [IPAddress(ipv4: 2)]

    func table(_ found: [String: [IPAddress]], _ names: Set<String> = ["a"], interval: Int64? = 10 * second)
        -> NameTable
    {
        var table = NameTable(seed: 1)
        table.follow(names, found: found, interval: interval, now: 0)
        return table
    }

    @Test func whatWasFoundIsLookedUpEachInterval() throws {
        var table = table(["a": one])
        let due = try #require(table.nextDue(interval: 10 * Self.second))
        #expect((9 * Self.second...11 * Self.second).contains(due))
        #expect(table.takeDue(interval: 10 * Self.second, now: due - 1) == [])
        #expect(table.takeDue(interval: 10 * Self.second, now: due) == ["a"])
        // One at a time.
        #expect(table.takeDue(interval: 10 * Self.second, now: due) == [])
        #expect(table.lookedUp("a", one, interval: 10 * Self.second, now: due) == nil)
        #expect(table.takeDue(interval: nil, now: .max / 2) == [])
    }

    @Test func oneThatIsNotFoundKeepsItsAddressesAndIsToldOfOnce() {
        var table = table(["a": one])
        #expect(table.lookedUp("a", [], interval: 10 * Self.second, now: 0) == .lost(keeping: one))
        #expect(table.unresolved == ["a"])
        for _ in 0..<5 { #expect(table.lookedUp("a", [], interval: 10 * Self.second, now: 0) == nil) }
        #expect(table.addresses == ["a": one])
        #expect(table.lookedUp("a", one, interval: 10 * Self.second, now: 0) == .foundAgain)
        #expect(table.unresolved == [])
        #expect(table.lookedUp("a", two, interval: 10 * Self.second, now: 0) == .moved(from: one, to: two))
        #expect(table.lookedUp("a", two.reversed(), interval: 10 * Self.second, now: 0) == nil)
    }

    @Test func retriesAreSoonAtFirstAndNeverRarerThanTheInterval() {
        var table = table(["a": []])
        var now: Int64 = 0
        var pauses: [Int64] = []
        for _ in 0..<7 {
            let due = table.nextDue(interval: 10 * Self.second) ?? .max
            pauses.append((due - now + Self.second / 2) / Self.second)
            now = due
            _ = table.takeDue(interval: 10 * Self.second, now: now)
            _ = table.lookedUp("a", [], interval: 10 * Self.second, now: now)
        }
        #expect(pauses[0] == 1 && pauses[1] == 2 && (3...5).contains(pauses[2]))
        #expect(pauses.allSatisfy { $0 <= 11 } && pauses[6] >= 9)
    }

    /// What a loader was told by the table is no news to it.
    @Test func aReloadSaysNothingOfWhatIsNotFound() {
        var table = table(["a": one])
        _ = table.lookedUp("a", [], interval: 10 * Self.second, now: 0)
        for isNews in [true, false] {
            table.follow(["a"], found: ["a": one], isNews: isNews, interval: 10 * Self.second, now: 5)
            #expect(table.unresolved == ["a"])
        }
        #expect(table.lookedUp("a", [], interval: 10 * Self.second, now: 10) == nil)
        // A configuration that took long to be read may know less than the table.
        table.follow(["a"], found: ["a": two], isNews: false, interval: 10 * Self.second, now: 5)
        #expect(table.addresses == ["a": one])
        table.follow(["a"], found: ["a": two], interval: 10 * Self.second, now: 5)
        #expect(table.addresses == ["a": two] && table.unresolved == [])
    }

    @Test func whatIsKeptIsUsedUntilItIsFound() {
        var table = table(["a": [], "b": two], ["a", "b"])
        #expect(table.keep(["a": (one, 7), "b": (one, 7), "c": (one, 7)], now: 5) == ["a"])
        #expect(table.addresses == ["a": one, "b": two])
        #expect(table.kept == ["a"] && table.unresolved == ["a"])
        #expect(table.known(now: 10).mapValues(\.age) == ["a": 12, "b": 10])
        #expect(table.lookedUp("a", one, interval: 10 * Self.second, now: 20) == .foundAgain)
        #expect(table.kept == [] && table.known(now: 20)["a"]?.age == 0)
    }

    @Test func whatWasNotLookedUpYetIsSoAtOnce() {
        let table = table([:])
        #expect(table.nextDue(interval: nil) == 0)
    }

    @Test func aReloadKeepsWhatItDoesNotKnow() {
        var table = table(["a": one])
        table.follow(["a", "b"], found: ["a": [], "b": two], interval: nil, now: 5)
        #expect(table.addresses == ["a": one, "b": two])
        table.follow(["b"], found: [:], interval: nil, now: 5)
        #expect(table.addresses == ["b": two])
    }
}
