import ApusConfig
import ApusModel
import Logging

/// What is kept of revisions and changes: in memory, and where there is a state directory, beyond the process.
extension RunningConfiguration {
    private var keptCount: Int { max(1, loaded.snapshot.operations.keptRevisions) }

    /// What should be in the state directory, and is not: the disk is full, say. It is tried again as long as that is so.
    struct Unwritten {
        /// Revisions by number; those that are not kept any more need no file.
        var revisions: Set<Int> = []
        var changes = false
        /// When it is tried again, in microseconds.
        var retryAt: Int64 = .max

        var isEmpty: Bool { revisions.isEmpty && !changes }

        mutating func note(_ revision: Int, now: Int64) {
            revisions.insert(revision)
            retryAt = now + retryPause
        }

        mutating func noteChanges(now: Int64) {
            changes = true
            retryAt = now + retryPause
        }
    }

    /// What would be forgotten if the process ended now, in words; nil for nothing.
    var unkeptWords: String? {
        guard !unwritten.isEmpty else { return nil }
        var things = kept.map(\.number).filter(unwritten.revisions.contains).map { "revision \($0)" }
        if unwritten.changes { things.append("what was changed while running") }
        guard !things.isEmpty else { return nil }
        return """
            \(things.joined(separator: ", ")) could not be written into the state directory (the log says why), and would be \
            forgotten if this process ended now; that is tried again every \(Self.retryPause / 1_000_000) s
            """
    }

    /// - Returns: what went wrong, in words: the configuration runs nevertheless.
    func keepRevision() async -> [String] {
        // The same text with other certificates takes the place of what ran: there is no way back to those.
        let replaced = revision.cause == .certificates ? kept.popLast() : nil
        kept.append(revision)
        kept.removeFirst(max(0, kept.count - keptCount))
        guard let store else { return [] }
        let revision = revision
        guard let note = await write(revision, instead: replaced, to: store) else { return [] }
        unwritten.note(revision.number, now: Prober.now)
        return [Self.unkept(revision, note)]
    }

    /// - Returns: why it is not there, in words.
    private func write(
        _ revision: Revision, instead replaced: Revision? = nil, to store: RevisionStore
    ) async -> String? {
        let count = keptCount
        do {
            return try await stateFiles.run { _ in Self.keep(revision, instead: replaced, in: store, count) }
        } catch {
            return "the disk does not answer"
        }
    }

    /// - Returns: why it is not there, in words.
    static func keep(
        _ revision: Revision, instead replaced: Revision? = nil, in store: RevisionStore, _ count: Int
    ) -> String? {
        do {
            try store.keep(revision, instead: replaced, atMost: count)
            return nil
        } catch {
            return "\(error)"
        }
    }

    static func unkept(_ revision: Revision, _ reason: String) -> String {
        unkept("revision \(revision.number)", reason)
    }

    private static func unkept(_ what: String, _ reason: String) -> String {
        "\(what) could not be kept in the state directory, and is forgotten if this process ends before it can: \(reason); "
            + "that is tried again every \(retryPause / 1_000_000) s"
    }

    /// - Returns: what went wrong, in words.
    func keepDynamicState() async -> [String] {
        guard let store else { return [] }
        guard let reason = await write(dynamic, to: store) else {
            unwritten.changes = false
            return []
        }
        unwritten.noteChanges(now: Prober.now)
        let note = Self.unkept("the change", reason)
        logger.warning("\(note)")
        return [note]
    }

    /// - Returns: why it is not there, in words.
    private func write(_ dynamic: DynamicState, to store: RevisionStore) async -> String? {
        do {
            return try await stateFiles.run { _ in
                do {
                    try store.keep(dynamic)
                    return nil
                } catch {
                    return "\(error)"
                }
            }
        } catch {
            return "the disk does not answer"
        }
    }

    // MARK: - Once more

    /// Writes what could not be written, if it is time to try. Nobody waits for it.
    func keepAgain() {
        guard let store, keepingAgain == nil, !unwritten.isEmpty, !isHandingOver, !hasSuccessor,
            Prober.now >= unwritten.retryAt
        else { return }
        keepingAgain = Task {
            await writeAgain(to: store)
            keepingAgain = nil
        }
    }

    private func writeAgain(to store: RevisionStore) async {
        unwritten.retryAt = Prober.now + Self.retryPause
        unwritten.revisions.formIntersection(kept.map(\.number))
        for revision in kept where unwritten.revisions.contains(revision.number) {
            guard await write(revision, to: store) == nil else { return }
            unwritten.revisions.remove(revision.number)
            logger.notice("revision \(revision.number) is in the state directory now")
        }
        guard unwritten.changes else { return }
        let dynamic = dynamic
        guard await write(dynamic, to: store) == nil else { return }
        // A change that came meanwhile may have been written before it.
        guard dynamic == self.dynamic else { return }
        unwritten.changes = false
        logger.notice("what was changed while running is in the state directory now")
    }
}
