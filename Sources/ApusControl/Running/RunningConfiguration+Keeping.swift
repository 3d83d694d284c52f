import ApusConfig
import ApusModel
import Logging

/// What is kept of revisions and changes: in memory, and where there is a state directory, beyond the process.
extension RunningConfiguration {
    private var keptCount: Int { max(1, loaded.snapshot.operations.keptRevisions) }

    /// - Returns: what went wrong, in words: the configuration runs nevertheless.
    func keepRevision() async -> [String] {
        kept.append(revision)
        kept.removeFirst(max(0, kept.count - keptCount))
        guard let store else { return [] }
        let (revision, count) = (revision, keptCount)
        do {
            return try await stateFiles.run { _ in Self.keep(revision, in: store, count) }
        } catch {
            return [Self.unkept("revision \(revision.number)", "the disk does not answer")]
        }
    }

    static func keep(_ revision: Revision, in store: RevisionStore, _ count: Int) -> [String] {
        do {
            try store.keep(revision, atMost: count)
            return []
        } catch {
            return [unkept("revision \(revision.number)", "\(error)")]
        }
    }

    private static func unkept(_ what: String, _ reason: String) -> String {
        "\(what) could not be kept, and will be forgotten with this process: \(reason)"
    }

    /// - Returns: what went wrong, in words.
    func keepDynamicState() async -> [String] {
        guard let store else { return [] }
        let dynamic = dynamic
        let note: String?
        do {
            note = try await stateFiles.run { _ in
                do {
                    try store.keep(dynamic)
                    return nil
                } catch {
                    return Self.unkept("the change", "\(error)")
                }
            }
        } catch {
            note = Self.unkept("the change", "the disk does not answer")
        }
        if let note { logger.warning("\(note)") }
        return [note].compactMap(\.self)
    }
}
