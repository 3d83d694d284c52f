import ApusConfig
import ApusModel
import Logging

/// What is kept of revisions and changes: in memory, and where there is a state directory, beyond the process.
extension RunningConfiguration {
    private var keptCount: Int { max(1, loaded.snapshot.operations.keptRevisions) }

    /// - Returns: what went wrong, in words: the configuration runs nevertheless.
    func keepRevision() -> [String] {
        kept.append(revision)
        kept.removeFirst(max(0, kept.count - keptCount))
        guard let store else { return [] }
        return Self.keep(revision, in: store, keptCount)
    }

    static func keep(_ revision: Revision, in store: RevisionStore, _ count: Int) -> [String] {
        do {
            try store.keep(revision, atMost: count)
            return []
        } catch {
            return ["revision \(revision.number) could not be kept, and will be forgotten with this process: \(error)"]
        }
    }

    /// - Returns: what went wrong, in words.
    func keepDynamicState() -> [String] {
        guard let store else { return [] }
        do {
            try store.keep(dynamic)
            return []
        } catch {
            let note = "the change could not be kept, and will be forgotten with this process: \(error)"
            logger.warning("\(note)")
            return [note]
        }
    }
}
