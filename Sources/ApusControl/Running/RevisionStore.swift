import FoundationEssentials
import Glibc
public import Logging
import Synchronization

/// The last revisions, the changes made while running, and what names stood for, in a directory: so that there is a way back
/// after a restart.
///
/// Whenever the process dies, what the directory holds can be read: each file is a `DurableFile`, written by itself. What
/// is damaged nevertheless is left out, with a warning. The directory is for its owner alone (0700, its files 0600):
/// configurations name their secrets, and some spell them out.
///
///     revision-00000012     the configuration's files, and when and why they came to run
///     changes               what was changed of endpoints while running
///     names                 what host names of endpoints stood for when they were last found
public final class RevisionStore: Sendable {
    public let directory: String
    /// The revisions that were there when it was opened, by number.
    public let revisions: [Revision]
    /// The changes that were there when it was opened.
    public let dynamicState: DynamicState
    /// What was known of names when it was opened.
    public let names: KeptNames
    /// Whether a successor writes there.
    private let isLeft = Atomic(false)

    private static let revisionPrefix = "revision-"
    private static let changesName = "changes"
    private static let namesName = "names"
    /// `KeptNames.mostAddresses`, each with a name of its own and as long as they can be, have room in it.
    private static let namesBytes = 8 << 20

    /// Makes the directory if need be, and reads what is in it.
    ///
    /// Throws `StateDirectoryError` when there is none and none can be made, or it cannot be listed.
    public init(directory: String, logger: Logger) throws {
        self.directory = directory
        // SAFETY: the call reads a string that lives until it returns.
        guard unsafe mkdir(directory, 0o700) == 0 || errno == EEXIST else {
            throw StateDirectoryError(directory: directory, reason: systemErrorText(errno))
        }
        let names: [String]
        do {
            names = try FileManager.default.contentsOfDirectory(atPath: directory).sorted()
        } catch {
            throw StateDirectoryError(directory: directory, reason: "it cannot be listed: \(error)")
        }
        var revisions: [Revision] = []
        for name in names where name.hasPrefix(Self.revisionPrefix) {
            let record = Self.read(RevisionRecord.self, "\(directory)/\(name)", logger)
            if let record { revisions.append(record.revision) }
        }
        self.revisions = revisions.sorted { $0.number < $1.number }
        let changes = Self.readEach(ChangeRecord.self, "\(directory)/\(Self.changesName)", logger)
        dynamicState = DynamicState(changes)
        let known = Self.readEach(
            NameRecord.self, "\(directory)/\(Self.namesName)", atMost: Self.namesBytes, logger)
        self.names = KeptNames(known).bounded.kept
    }

    /// Keeps a revision; of the others, no more than `count` with it, the newest.
    ///
    /// - Parameter replaced: one whose place it takes.
    func keep(_ revision: Revision, instead replaced: Revision? = nil, atMost count: Int) throws {
        try file(revision.number).write(Self.encode(RevisionRecord(revision)), unless: isOthers)
        if let replaced { try file(replaced.number).remove() }
        let names = try FileManager.default.contentsOfDirectory(atPath: directory)
        let numbers = names.filter { $0.hasPrefix(Self.revisionPrefix) }
            .compactMap { Int($0.dropFirst(Self.revisionPrefix.count)) }.sorted()
        for number in numbers.dropLast(max(1, count)) { try file(number).remove() }
        for name in names where name.hasPrefix(DurableFile.temporaryPrefix) && isAbandoned(name) {
            try DurableFile(path: "\(directory)/\(name)").remove()
        }
    }

    /// Keeps those of the changes that are to outlive the process.
    func keep(_ state: DynamicState) throws {
        let records = state.records.filter { $0.persistent }
        try DurableFile(path: "\(directory)/\(Self.changesName)")
            .write(Self.encode(records), unless: isOthers)
    }

    /// Keeps what is known of names: of very many, the first.
    ///
    /// - Parameter isGivenUp: whether it need not be kept any more, since that has taken too long.
    /// - Returns: how many names are left out.
    func keep(_ names: KeptNames, unless isGivenUp: () -> Bool = { false }) throws -> Int {
        let (kept, leftOut) = names.bounded
        let file = DurableFile(path: "\(directory)/\(Self.namesName)")
        guard !isGivenUp() else { throw DurableFile.Failure.obsolete(path: file.path) }
        try file.write(Self.encode(kept.records)) { isGivenUp() || isOthers() }
        return leftOut
    }

    /// Leaves the directory to a successor: whatever is still to be written there is not put in its place.
    func leave() { isLeft.store(true, ordering: .sequentiallyConsistent) }

    /// There is no successor after all.
    func comeBack() { isLeft.store(false, ordering: .sequentiallyConsistent) }

    private func isOthers() -> Bool { isLeft.load(ordering: .sequentiallyConsistent) }

    private func file(_ number: Int) -> DurableFile {
        let digits = String(number)
        let padding = String(repeating: "0", count: max(0, 8 - digits.count))
        return DurableFile(path: "\(directory)/\(Self.revisionPrefix)\(padding)\(digits)")
    }

    /// Whether the process that was writing it is gone: `.writing-123-changes`.
    private func isAbandoned(_ name: String) -> Bool {
        let digits = name.dropFirst(DurableFile.temporaryPrefix.count).prefix { $0 != "-" }
        guard let process = pid_t(digits) else { return true }
        return process != getpid() && kill(process, 0) != 0 && errno == ESRCH
    }

    private static func encode(_ value: some Encodable) throws -> [UInt8] {
        let encoder = JSONEncoder()
        encoder.dateEncodingStrategy = .iso8601
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
        return [UInt8](try encoder.encode(value))
    }

    /// The records of a list; those that cannot be read are left out, with a warning.
    private static func readEach<Value: Decodable>(
        _ type: Value.Type, _ path: String, atMost bytes: Int = DurableFile.longest, _ logger: Logger
    ) -> [Value] {
        let records = read([Lenient<Value>].self, path, atMost: bytes, logger) ?? []
        let known = records.compactMap(\.value)
        if known.count < records.count {
            let count = "\(records.count - known.count) of \(records.count) records"
            logger.warning("the state directory: \(count) of \(path) are of another version of Apus; they are ignored")
        }
        return known
    }

    /// Nil, and a warning, for what cannot be read; nil as well for what is not there.
    private static func read<Value: Decodable>(
        _ type: Value.Type, _ path: String, atMost bytes: Int = DurableFile.longest, _ logger: Logger
    ) -> Value? {
        do {
            guard let bytes = try DurableFile(path: path).read(atMost: bytes) else { return nil }
            let decoder = JSONDecoder()
            decoder.dateDecodingStrategy = .iso8601
            return try decoder.decode(type, from: Data(bytes))
        } catch let failure as DurableFile.Failure {
            logger.warning("the state directory: \(failure); it is ignored")
        } catch {
            logger.warning("the state directory: \(path) is of another version of Apus; it is ignored")
        }
        return nil
    }
}

/// Why a state directory cannot be used.
public struct StateDirectoryError: Error, Equatable, CustomStringConvertible {
    public let directory: String
    public let reason: String

    public var description: String {
        "the state directory \(directory) cannot be used: \(reason). Name one that this user may write to, or leave "
            + "`state` out."
    }
}
