import ApusConfig
import ApusModel
import FoundationEssentials
import ServiceLifecycle

/// Certificates are read again when their files change: whoever renews them need not know of Apus.
extension RunningConfiguration {
    /// Looks at the files of certificates, keys, authorities and lists of revoked certificates until the task is cancelled or the
    /// surrounding service group shuts down.
    ///
    /// Once they have changed, and then stayed as they are for one look, the running revision is loaded again: its own texts, whatever
    /// the configuration's file says by now. A pair is taken whole or not at all, and what was refused is tried again when the files
    /// change again.
    public func followCertificates() async {
        await cancelWhenGracefulShutdown { await self.followCertificatesUntilCancelled() }
    }

    private func followCertificatesUntilCancelled() async {
        var watch = CertificateWatch()
        while !Task.isCancelled, !hasSuccessor {
            let sources = applied.certificateSources
            do { try await Task.sleep(for: CertificateWatch.interval(of: sources)) } catch { return }
            guard !sources.isEmpty, !hasSuccessor, let now = await look(at: sources) else { continue }
            guard watch.note(now, revision: revision.number, since: runsSince) else { continue }
            await loadCertificates()
        }
    }

    private func look(at sources: CertificateSources) async -> WatchedFiles.State? {
        let (watched, loader) = (WatchedFiles(sources), loader)
        return try? await ownFiles.run { _ in watched.look(loader) }
    }

    /// Loads the running revision again.
    func loadCertificates() async {
        let running = revision
        guard let main = running.files.first else { return }
        // Refusals are logged where they are made.
        _ = try? await goOver(.certificates, author, false, running: running.number) {
            loader throws(ConfigurationErrors) in
            try loader.reading(running.files).load(path: main.path)
        }
    }
}

/// When certificates are to be loaded again.
struct CertificateWatch {
    /// How they were when they were loaded.
    private var loaded: WatchedFiles.State?
    private var revision: Int?
    private var detector = ChangeDetector()
    /// What changed so shortly before it was loaded may have changed while it was loaded.
    private static let doubt: TimeInterval = 60

    /// - Parameter since: since when the revision runs.
    /// - Returns: whether they are to be loaded.
    mutating func note(_ now: WatchedFiles.State, revision number: Int, since: Date) -> Bool {
        if revision != number || loaded?.isOfTheSame(as: now) != true {
            // What was loaded last by this watch is known; of what others loaded, only what has not changed for a while.
            let isOwn = revision != nil && loaded == now
            revision = number
            loaded = isOwn ? now : now.forgetting(changedAfter: since.addingTimeInterval(-Self.doubt))
            detector = ChangeDetector()
        }
        guard let known = loaded, detector.isSettled(read: known, now: now) else { return false }
        loaded = now
        return true
    }

    /// How often they are looked at: each second, and less often where there are thousands.
    static func interval(of sources: CertificateSources) -> Duration {
        .milliseconds(min(max(1_000, 2 * (sources.files.count + sources.folders.count)), 60_000))
    }
}
