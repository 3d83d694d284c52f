import ApusAddresses
import ApusConfig
import ApusModel
import FoundationEssentials

/// A revision as it is written to the state directory.
struct RevisionRecord: Codable {
    var number: Int
    var time: Date
    var cause: Revision.Cause
    var files: [FileRecord]
    /// Nil for none.
    var lent: [String]?

    struct FileRecord: Codable {
        var path: String
        var text: String
    }
}

extension RevisionRecord {
    init(_ revision: Revision) {
        self.init(
            number: revision.number, time: revision.time, cause: revision.cause,
            files: revision.files.map { FileRecord(path: $0.path, text: $0.text) },
            lent: revision.lentPaths.isEmpty ? nil : revision.lentPaths)
    }

    var revision: Revision {
        Revision(
            number: number, time: time, cause: cause,
            files: files.map { ConfigurationFile(path: $0.path, text: $0.text) }, lentPaths: lent ?? [])
    }
}

/// A record among others, which are read although this one cannot be.
struct Lenient<Value: Decodable>: Decodable {
    /// Nil when it is not understood.
    var value: Value?

    init(value: Value?) { self.value = value }

    init(from decoder: any Decoder) throws { value = try? Value(from: decoder) }
}

/// A change of an endpoint, as it is written to the state directory and told to a successor.
struct ChangeRecord: Codable {
    var pool: String
    var endpoint: String
    var added: DynamicState.Added?
    var removed: Bool?
    var weight: DynamicState.AdjustedWeight?
    var drained: Bool?
    var persistent: Bool
    /// In place of a change, what is told to a successor of host names; see `HandedState.encoded`.
    var names: [NameRecord]?
    /// The same of the keys of session tickets; beside `names`, which says that it is no change.
    var ticketKeys: [Data]?
}

extension ChangeRecord {
    init(_ entry: DynamicState.Entry) {
        self.init(
            pool: entry.pool, endpoint: "\(entry.address)", added: entry.added,
            removed: entry.isRemoved ? true : nil, weight: entry.weight, drained: entry.isDrained ? true : nil,
            persistent: entry.isKept)
    }

    /// Nil when its endpoint is no address.
    var entry: DynamicState.Entry? {
        guard let address = SocketAddress(endpoint) else { return nil }
        return DynamicState.Entry(
            pool: pool, address: address, added: added, isRemoved: removed ?? false, weight: weight,
            isDrained: drained ?? false, isKept: persistent)
    }
}

extension DynamicState {
    init(_ records: [ChangeRecord]) { entries = records.compactMap(\.entry) }

    var records: [ChangeRecord] { entries.map { ChangeRecord($0) } }
}
