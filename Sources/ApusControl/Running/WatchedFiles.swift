import ApusConfig
import ApusModel
import FoundationEssentials
import Synchronization

/// What a configuration was read from, and whether any of it has changed since.
///
/// A file is the same while its inode, size and time of change are; a directory whose files were listed is while it
/// has the same names. Secrets in files of their own count too.
struct WatchedFiles: Sendable {
    /// How everything was, by path; nil for what was not there.
    private(set) var state: State

    struct State: Sendable, Equatable {
        var files: [String: Stamp?] = [:]
        var listings: [String: [String]] = [:]

        /// Whether both are of the same files and folders.
        func isOfTheSame(as other: State) -> Bool {
            files.count == other.files.count && listings.count == other.listings.count
                && files.keys.allSatisfy { other.files[$0] != nil }
                && listings.keys.allSatisfy { other.listings[$0] != nil }
        }

        /// The same, but that how those were that changed after a time counts for nothing.
        func forgetting(changedAfter time: Date) -> State {
            var state = self
            state.files = files.mapValues { stamp in stamp.map { $0.changed > time } == true ? nil : stamp }
            return state
        }
    }

    struct Stamp: Sendable, Equatable {
        var inode: UInt64
        var size: UInt64
        var changed: Date

        init(inode: UInt64, size: UInt64, changed: Date) {
            self.inode = inode
            self.size = size
            self.changed = changed
        }

        /// Nil when there is no such file, or it cannot be looked at.
        init?(path: String) {
            // Where files are exchanged by exchanging a link, it is what the link leads to that counts.
            let target = URL(filePath: path).resolvingSymlinksInPath().path
            guard let attributes = try? FileManager.default.attributesOfItem(atPath: target) else { return nil }
            inode = attributes[.systemFileNumber] as? UInt64 ?? 0
            size = attributes[.size] as? UInt64 ?? 0
            changed = attributes[.modificationDate] as? Date ?? .distantPast
        }
    }

    fileprivate init(state: State) { self.state = state }

    /// What certificates are read from.
    init(_ sources: CertificateSources) {
        state = State()
        for file in sources.files { state.files[file] = .some(nil) }
        for folder in sources.folders { state.listings[folder] = [] }
    }

    /// How they were counts for nothing: whatever they are is a change.
    mutating func forgetStamps() { state.files = state.files.mapValues { _ in nil } }

    /// These, and those of `other` that are not among them, as they were: a file with a mistake may hide others.
    func joined(with other: WatchedFiles?) -> WatchedFiles {
        guard let other else { return self }
        var joined = self
        joined.state.files.merge(other.state.files) { mine, _ in mine }
        joined.state.listings.merge(other.state.listings) { mine, _ in mine }
        return joined
    }

    /// How what is watched is now.
    func look(_ loader: ConfigurationLoader) -> State {
        var now = State()
        for path in state.files.keys { now.files[path] = .some(Stamp(path: path)) }
        for directory in state.listings.keys {
            now.listings[directory] = ((try? loader.listFiles(directory)) ?? []).sorted()
        }
        return now
    }
}

/// Says when files have changed and are let be: when they are not as they were read, and for two looks the same.
struct ChangeDetector: Equatable {
    /// How they were when they were last seen to be otherwise than they were read.
    private var changed: WatchedFiles.State?

    /// - Parameters:
    ///   - read: how they were when they were read.
    ///   - now: how they are.
    mutating func isSettled(read: WatchedFiles.State, now: WatchedFiles.State) -> Bool {
        if now == read {
            changed = nil
            return false
        }
        defer { changed = now }
        return changed == now
    }
}

/// Notes what a loader reads.
final class ReadingRecord: Sendable {
    private let state = Mutex(WatchedFiles.State())

    /// A loader that reads what `loader` does, and says so here. A file is looked at before it is read: what changes in
    /// between is then found to have changed.
    func recording(_ loader: ConfigurationLoader) -> ConfigurationLoader {
        var recording = loader
        let (readFile, readSecret) = (loader.readFile, loader.readSecret)
        let (listFiles, listSecrets) = (loader.listFiles, loader.listSecrets)
        recording.readFile = { [self] path, rules in
            note(path)
            return try readFile(path, rules)
        }
        recording.readSecret = { [self] path, rules in
            note(path)
            return try readSecret(path, rules)
        }
        recording.listFiles = { [self] in note(try listFiles($0), of: $0) }
        recording.listSecrets = { [self] in note(try listSecrets($0), of: $0) }
        return recording
    }

    var files: WatchedFiles { WatchedFiles(state: state.withLock { $0 }) }

    private func note(_ names: [String], of directory: String) -> [String] {
        state.withLock { $0.listings[directory] = names.sorted() }
        return names
    }

    private func note(_ path: String) {
        let stamp = WatchedFiles.Stamp(path: path)
        state.withLock { state in
            if state.files[path] == nil { state.files[path] = .some(stamp) }
        }
    }
}
