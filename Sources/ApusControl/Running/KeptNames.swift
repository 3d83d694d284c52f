public import ApusAddresses
public import ApusConfig
import FoundationEssentials

/// What host names stood for when they were last found: for a successor, and for the time after a restart, should the name
/// service be away then.
///
/// A value; a name that is found stands for what was found, whatever is kept of it.
public struct KeptNames: Sendable, Equatable {
    public struct Name: Sendable, Equatable {
        public var addresses: [IPAddress]
        /// When a lookup last found them, in seconds since 1970.
        public var found: Int64

        public init(addresses: [IPAddress], found: Int64) {
            self.addresses = addresses
            self.found = max(0, found)
        }

        /// How long ago that was, in seconds; 0 where a clock has been set back since.
        ///
        /// - Parameter now: in seconds since 1970.
        func age(at now: Int64) -> Int64 { max(0, now - found) }
    }

    /// By name; each has addresses.
    public private(set) var names: [String: Name] = [:]

    /// How many addresses are kept. A name for which there is no room is left out as a whole.
    static let mostAddresses = 10_000

    public init(_ names: [String: Name] = [:]) { self.names = names.filter { !$0.value.addresses.isEmpty } }

    /// These, and those of `other`; of a name that both have, what was found later.
    public func joined(with other: KeptNames) -> KeptNames {
        KeptNames(names.merging(other.names) { $0.found >= $1.found ? $0 : $1 })
    }

    /// As many as are kept, and how many names are left out.
    var bounded: (kept: KeptNames, leftOut: Int) {
        var room = Self.mostAddresses
        var kept: [String: Name] = [:]
        for (name, value) in names.sorted(by: { $0.key < $1.key }) where value.addresses.count <= room {
            room -= value.addresses.count
            kept[name] = value
        }
        return (KeptNames(kept), names.count - kept.count)
    }

    /// Whether both say the same but for when it was found.
    func hasAddresses(of other: KeptNames) -> Bool {
        names.mapValues { Set($0.addresses) } == other.names.mapValues { Set($0.addresses) }
    }

    /// When any of them was last found; 0 for none.
    var latest: Int64 { names.values.map(\.found).max() ?? 0 }
}

extension LoadedConfiguration {
    /// The same configuration with what is kept of its names that were not found.
    public func using(_ kept: KeptNames) -> LoadedConfiguration {
        var addresses = lookups
        for name in followedNames where addresses[name, default: []].isEmpty {
            addresses[name] = kept.names[name]?.addresses
        }
        return resolving(addresses)
    }
}

/// A name as it is written to the state directory and told to a successor.
struct NameRecord: Codable {
    var name: String
    var addresses: [String]
    var found: Date
}

extension KeptNames {
    init(_ records: [NameRecord]) {
        self.init(
            Dictionary(
                records.map { record in
                    let found = Int64(max(0, min(1e12, record.found.timeIntervalSince1970)))
                    return (record.name, Name(addresses: record.addresses.compactMap { IPAddress($0) }, found: found))
                }, uniquingKeysWith: { first, _ in first }))
    }

    /// In order of the names.
    var records: [NameRecord] {
        names.sorted { $0.key < $1.key }.map { name, value in
            NameRecord(
                name: name, addresses: value.addresses.map { "\($0)" },
                found: Date(timeIntervalSince1970: Double(value.found)))
        }
    }
}

/// What a process tells its successor of what it knows, beside the number of its revision.
public struct HandedState: Sendable, Equatable {
    /// What was changed while running.
    public var dynamic: DynamicState
    public var names: KeptNames
    /// The keys of TLS session tickets, each with its name.
    public var ticketKeys: [[UInt8]] = []
    /// How many changes and names are not understood, and left out.
    public var leftOut = 0

    public init(dynamic: DynamicState = DynamicState(), names: KeptNames = KeptNames()) {
        self.dynamic = dynamic
        self.names = names
    }

    /// The names are a record behind those of the changes: a version that knows nothing of them takes it for the change of an
    /// endpoint without an address, and leaves it out. All of them: what is handed over is no file that grows.
    public var encoded: [UInt8] {
        var records = dynamic.records
        if !names.names.isEmpty {
            records.append(ChangeRecord(pool: "", endpoint: "", persistent: false, names: names.records))
        }
        if !ticketKeys.isEmpty {
            var record = ChangeRecord(pool: "", endpoint: "", persistent: false, names: [])
            record.ticketKeys = ticketKeys.map { Data($0) }
            records.append(record)
        }
        return Array(records.jsonText.utf8)
    }

    /// What a process before this one has told; nil when none of it is understood. A record that is not is left out by itself.
    public init?(encoded: [UInt8]) {
        let decoder = JSONDecoder()
        decoder.dateDecodingStrategy = .iso8601
        guard let records = try? decoder.decode([HandedRecord].self, from: Data(encoded)) else { return nil }
        self.init(
            dynamic: DynamicState(records.compactMap(\.change)), names: KeptNames(records.flatMap(\.names)))
        ticketKeys = records.flatMap(\.ticketKeys)
        leftOut = records.reduce(0) { $0 + $1.leftOut }
    }
}

/// What is told to a successor in one record: a change, or names.
private struct HandedRecord: Decodable {
    var change: ChangeRecord?
    var names: [NameRecord] = []
    var ticketKeys: [[UInt8]] = []
    /// What of it is not understood.
    var leftOut = 0

    private enum CodingKeys: String, CodingKey { case names, ticketKeys }

    init(from decoder: any Decoder) throws {
        if let fields = try? decoder.container(keyedBy: CodingKeys.self), fields.contains(.names) {
            let told = (try? fields.decode([Lenient<NameRecord>].self, forKey: .names)) ?? [Lenient(value: nil)]
            names = told.compactMap(\.value)
            leftOut = told.count - names.count
            ticketKeys = ((try? fields.decodeIfPresent([Data].self, forKey: .ticketKeys)) ?? []).map { Array($0) }
        } else {
            change = try? ChangeRecord(from: decoder)
            leftOut = change == nil ? 1 : 0
        }
    }
}
