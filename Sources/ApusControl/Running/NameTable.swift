import ApusAddresses
import ApusBalancing

/// The host names that are followed: what each stands for, and when it is looked up again.
///
/// A name keeps its last addresses while lookups find none. It is looked up each interval; after one that found nothing first
/// after a second, then after two, four, and so on up to the interval. Each pause is moved by up to a tenth, so that the names
/// of one file, and several balancers, do not ask all at once. Times are microseconds of one monotonic clock.
struct NameTable: Sendable {
    private struct Entry: Sendable {
        /// The last that were found.
        var addresses: [IPAddress] = []
        /// When they were found; before this process was there, for those that are kept.
        var found: Int64 = 0
        /// They were found by a process before this one, and not by this one yet.
        var isKept = false
        /// Lookups in a row that found nothing.
        var failures = 0
        var due: Int64
        var isUnderWay = false

        mutating func found(_ addresses: [IPAddress], now: Int64) {
            self.addresses = addresses
            found = now
            isKept = false
            failures = 0
        }
    }

    /// What a lookup has changed.
    enum Change: Equatable {
        /// It has addresses, having had none before.
        case found([IPAddress])
        /// It stands for others than before.
        case moved(from: [IPAddress], to: [IPAddress])
        /// It was not found, after it had been, or for the first time; these addresses stay.
        case lost(keeping: [IPAddress])
        /// It is found again, and stands for what it did.
        case foundAgain
    }

    private var entries: [String: Entry] = [:]
    private var random: SplitMix64
    /// Lookups that found something, and those that did not.
    private(set) var successes: UInt64 = 0
    private(set) var failures: UInt64 = 0

    /// The longest pause where names are followed only until they are found.
    static let longestRetry: Int64 = 60_000_000
    private static let firstRetry: Int64 = 1_000_000

    init(seed: UInt64) { random = SplitMix64(seed: seed) }

    /// The last addresses of each name.
    var addresses: [String: [IPAddress]] { entries.mapValues(\.addresses) }
    var count: Int { entries.count }

    /// The names that have addresses, with these and how long ago they were found.
    func known(now: Int64) -> [String: (addresses: [IPAddress], age: Int64)] {
        entries.filter { !$0.value.addresses.isEmpty }.mapValues { ($0.addresses, max(0, now - $0.found)) }
    }

    /// Those among them whose addresses are from before this process.
    var kept: Set<String> { Set(entries.filter(\.value.isKept).keys) }

    /// The names that have addresses, as they are kept.
    ///
    /// - Parameter seconds: what a clock says, since 1970.
    func known(now: Int64, wallClock seconds: Int64) -> KeptNames {
        KeptNames(known(now: now).mapValues { .init(addresses: $0.addresses, found: seconds - $0.age / 1_000_000) })
    }

    /// What there is to tell.
    func facts(now: Int64, wallClock seconds: Int64) -> NameFacts {
        let fromBefore = kept
        return NameFacts(
            names: count, unresolved: unresolved,
            kept: KeptNames(known(now: now, wallClock: seconds).names.filter { fromBefore.contains($0.key) }),
            lookupsFound: successes, lookupsFailed: failures)
    }

    /// The names whose latest lookup found nothing, in order.
    var unresolved: [String] { entries.filter { $0.value.failures > 0 }.keys.sorted() }

    /// Follows these names and no others.
    ///
    /// - Parameters:
    ///   - found: what was found for them when the configuration was loaded; a name that is not there was not looked up.
    ///     What the table knew already may be what it told, and says nothing of whether the name is found now.
    ///   - isNews: whether it was looked up, rather than taken from the table where that had addresses.
    ///   - interval: from lookup to lookup; nil to look up only what has no address.
    mutating func follow(
        _ names: Set<String>, found: [String: [IPAddress]], isNews: Bool = true, interval: Int64?, now: Int64
    ) {
        entries = entries.filter { names.contains($0.key) }
        for name in names {
            if let addresses = found[name], !addresses.isEmpty {
                let known = entries[name]?.addresses ?? []
                if known.isEmpty || isNews && Set(known) != Set(addresses) {
                    if entries[name] == nil { entries[name] = Entry(due: now + spread(interval ?? 0)) }
                    entries[name]?.found(addresses, now: now)
                }
            } else if entries[name] == nil {
                // What was not looked up yet is so at once.
                let isNew = found[name] == nil
                entries[name] = Entry(failures: 1, due: isNew ? now : now + spread(Self.firstRetry))
            }
            guard let entry = entries[name], let interval, !entry.isUnderWay else { continue }
            entries[name]?.due = min(entry.due, now + interval + interval / 10)
        }
    }

    /// Gives names without an address those that were kept of them, until they are found.
    ///
    /// - Parameter kept: the addresses, and how long ago they were found.
    /// - Returns: the names that have got some, in order.
    mutating func keep(_ kept: [String: (addresses: [IPAddress], age: Int64)], now: Int64) -> [String] {
        let names = entries.keys.filter { entries[$0]?.addresses.isEmpty == true && kept[$0] != nil }.sorted()
        for name in names {
            guard let (addresses, age) = kept[name] else { continue }
            entries[name]?.addresses = addresses
            entries[name]?.found = now - age
            entries[name]?.isKept = true
        }
        return names
    }

    /// When the next is due; nil for none.
    func nextDue(interval: Int64?) -> Int64? {
        entries.values.filter { !$0.isUnderWay && ($0.failures > 0 || interval != nil) }.map(\.due).min()
    }

    /// Takes those that are due: to be looked up now, and each to be told `lookedUp`.
    mutating func takeDue(interval: Int64?, now: Int64) -> [String] {
        let due = entries.filter {
            !$0.value.isUnderWay && $0.value.due <= now && ($0.value.failures > 0 || interval != nil)
        }.keys.sorted()
        for name in due { entries[name]?.isUnderWay = true }
        return due
    }

    /// A lookup is over.
    ///
    /// - Parameter addresses: what was found; none when the name has none, or nobody answered.
    mutating func lookedUp(_ name: String, _ addresses: [IPAddress], interval: Int64?, now: Int64) -> Change? {
        if addresses.isEmpty { failures += 1 } else { successes += 1 }
        guard var entry = entries[name] else { return nil }
        entry.isUnderWay = false
        defer { entries[name] = entry }
        guard !addresses.isEmpty else {
            entry.failures += 1
            let most = max(interval ?? Self.longestRetry, Self.firstRetry)
            let pause = min(most, Self.firstRetry << Int64(min(entry.failures - 1, 20)))
            entry.due = now + spread(pause)
            return entry.failures == 1 ? .lost(keeping: entry.addresses) : nil
        }
        let (before, wasLost) = (entry.addresses, entry.failures > 0)
        entry.found(addresses, now: now)
        entry.due = now + spread(interval ?? Self.longestRetry)
        if before.isEmpty { return .found(addresses) }
        if Set(before) != Set(addresses) { return .moved(from: before, to: addresses) }
        return wasLost ? .foundAgain : nil
    }

    private mutating func spread(_ pause: Int64) -> Int64 {
        let jitter = pause / 10
        return pause - jitter + Int64(random.next(below: Int(2 * jitter + 1)))
    }
}

/// Host names of endpoints: what the metrics tell of them.
public struct NameFacts: Sendable, Equatable {
    /// Names that are followed.
    public var names = 0
    /// Those of them whose latest lookup found no address.
    public var unresolved: [String] = []
    /// Those that stand for what a process before this one found.
    public var kept = KeptNames()
    public var lookupsFound: UInt64 = 0
    public var lookupsFailed: UInt64 = 0
}

extension NameFacts {
    func write(to writer: inout ExpositionWriter) {
        writer.family("apus_names", .gauge, "Host names of endpoints that are looked up again and again.")
        writer.sample([:], UInt64(names))
        writer.family("apus_names_unresolved", .gauge, "Those of them whose latest lookup found no address.")
        writer.sample([:], UInt64(unresolved.count))
        writer.family("apus_name_lookups_total", .counter, "Lookups of host names while running, by how they went.")
        writer.sample(["result": "found"], lookupsFound)
        writer.sample(["result": "failed"], lookupsFailed)
    }
}
