import ApusConfig
import ApusModel
import Glibc
import Synchronization

/// What a configuration was read from, and whether any of it has changed since.
///
/// A file is the same while its inode, size and time of change are; a directory whose files were listed is while it
/// has the same names. Secrets in files of their own count too.
struct WatchedFiles: Sendable {
    /// How everything was, by path; nil for what was not there.
    var state: State

    struct State: Sendable, Equatable {
        var files: [String: Stamp?] = [:]
        var listings: [String: [String]] = [:]
    }

    struct Stamp: Sendable, Equatable {
        var inode: UInt64
        var size: UInt64
        /// When what stands in it or who may read it changed last (`ctime`), in nanoseconds.
        var changed: Int64

        init(inode: UInt64, size: UInt64, changed: Int64) {
            self.inode = inode
            self.size = size
            self.changed = changed
        }

        /// Nil when there is no such file, or it cannot be looked at. Where files are exchanged by exchanging a link, it is what
        /// the link leads to that counts.
        init?(path: String) {
            var status = stat()
            // SAFETY: `stat` writes into `status`, which outlives the call, and reads `path` up to its end.
            guard unsafe stat(path, &status) == 0 else { return nil }
            inode = UInt64(status.st_ino)
            size = UInt64(max(0, status.st_size))
            changed = Int64(status.st_ctim.tv_sec) * 1_000_000_000 + Int64(status.st_ctim.tv_nsec)
        }
    }

    /// Those of them that certificates are read from.
    func limited(to sources: CertificateSources) -> WatchedFiles {
        var limited = self
        limited.state.files = state.files.filter { sources.files.contains($0.key) }
        limited.state.listings = state.listings.filter { sources.folders.contains($0.key) }
        return limited
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
        let (readFile, readSecret, readBytes) = (loader.readFile, loader.readSecret, loader.readBytes)
        let (listFiles, listSecrets) = (loader.listFiles, loader.listSecrets)
        recording.readFile = { [self] path, rules in
            note(path)
            return try readFile(path, rules)
        }
        recording.readSecret = { [self] path, rules in
            note(path)
            return try readSecret(path, rules)
        }
        recording.readBytes = { [self] path, rules in
            note(path)
            return try readBytes(path, rules)
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
