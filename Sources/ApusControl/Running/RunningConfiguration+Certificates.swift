import ApusAddresses
import ApusConfig
import ApusModel
import Logging
import ServiceLifecycle

/// Certificates are read again when their files change: whoever renews them need not know of Apus.
extension RunningConfiguration {
    /// Looks at the files of certificates, keys, authorities, OCSP responses and lists of revoked certificates until the task is
    /// cancelled or the surrounding service group shuts down.
    ///
    /// Once they have changed, and then stayed as they are for one look, the running revision is loaded again: its own texts, whatever
    /// the configuration's file says by now. A pair is taken whole or not at all, and one that has ended replaces none that holds. What
    /// was refused is tried again when the files change again, and every five minutes, since something else may have been wrong.
    ///
    /// It also tells of certificates, and of what authorities say, when they are about to end or have ended; and it tries files that
    /// a reload has refused, until they are good again.
    public func followCertificates() async {
        await cancelWhenGracefulShutdown { await self.followCertificatesUntilCancelled() }
    }

    private func followCertificatesUntilCancelled() async {
        var watch = CertificateWatch()
        while !Task.isCancelled, !hasSuccessor {
            let sources = applied.certificateSources
            do { try await Task.sleep(for: CertificateWatch.interval(of: sources)) } catch { return }
            guard !hasSuccessor else { return }
            for line in endings.look(at: applied, now: loader.now()) { logger.warning("\(line)") }
            if !sources.isEmpty { await lookAtCertificates(&watch) }
            await lookAtRefusedFiles()
        }
    }

    private func lookAtCertificates(_ watch: inout CertificateWatch) async {
        if watch.revision != revision.number { await learn(&watch) }
        guard let known = watch.known, let now = await look(at: known), watch.isDue(now, at: .now) else { return }
        await loadCertificates(&watch, now)
    }

    private func look(at files: WatchedFiles) async -> WatchedFiles.State? {
        let loader = loader
        return try? await ownFiles.run { _ in files.look(loader) }
    }

    /// Finds out how the files are that a revision was read from, which others have loaded: by reading them once more. Where what
    /// is read is not what runs, they have changed since.
    private func learn(_ watch: inout CertificateWatch) async {
        let running = revision
        guard let main = running.files.first else { return }
        let record = ReadingRecord()
        var isTheSame = false
        do throws(ConfigurationRefusal) {
            let read = try await read(author) { loader throws(ConfigurationErrors) in
                var loader = record.recording(loader.keepingPairs.reading(running.files))
                // Names are of no interest here, and may take long.
                loader.resolve = { _ in [.anyIPv6] }
                return try loader.load(path: main.path)
            }
            // A pair that is not taken has not been told of yet.
            isTheSame = read.snapshot.hasTLS(of: applied) && read.keptPairs == keptPairs
        } catch {
            guard case .invalid = error else { return }
        }
        guard running.number == revision.number else { return }
        var files = record.files.limited(to: applied.certificateSources)
        if !isTheSame { files.forgetStamps() }
        watch = CertificateWatch(of: files, revision: running.number)
    }

    /// Loads the running revision again.
    private func loadCertificates(_ watch: inout CertificateWatch, _ now: WatchedFiles.State) async {
        let running = revision
        guard let main = running.files.first else { return }
        let record = ReadingRecord()
        // Refusals are logged where they are made. What was not to be had just now is tried again at the next look.
        do throws(ConfigurationRefusal) {
            _ = try await goOver(.certificates, author, false, running: running.number) {
                loader throws(ConfigurationErrors) in
                try record.recording(loader.keepingPairs.reading(running.files)).load(path: main.path)
            }
            watch = CertificateWatch(
                of: record.files.limited(to: applied.certificateSources), revision: revision.number)
            await tryRefusedFiles()
        } catch {
            noteRefused(error, .certificates, record.files)
            guard case .invalid = error else { return }
            // A new pair of a folder was read, and is nothing that runs: it is mended by a change of its own files.
            watch.widen(by: record.files)
            let state = if let known = watch.known { await look(at: known) } else { Optional(now) }
            watch.noteRefusal(of: state ?? now, at: .now)
        }
    }
}

extension Snapshot {
    /// Whether listeners, pools and the admin server speak TLS as those of another do: by the same certificates and rules.
    fileprivate func hasTLS(of other: Snapshot) -> Bool {
        listeners.map(\.tls) == other.listeners.map(\.tls) && pools.map(\.tls) == other.pools.map(\.tls)
            && operations.admin.map(\.tls) == other.operations.admin.map(\.tls)
    }
}

/// When certificates are to be loaded again.
struct CertificateWatch {
    /// The revision that was read from them.
    private(set) var revision: Int?
    /// How they were then; nil while that is not known.
    private(set) var known: WatchedFiles?
    private var detector = ChangeDetector()
    /// How they were when they were refused, and when they are tried again nevertheless.
    private var refused: (state: WatchedFiles.State, until: ContinuousClock.Instant)?

    static let retryPause = Duration.seconds(300)

    init() {}

    init(of files: WatchedFiles, revision: Int) {
        known = files
        self.revision = revision
    }

    /// Whether they are to be loaded, as they are at a look.
    mutating func isDue(_ now: WatchedFiles.State, at time: ContinuousClock.Instant) -> Bool {
        guard let known, detector.isSettled(read: known.state, now: now) else { return false }
        guard let refused, refused.state == now else { return true }
        return time >= refused.until
    }

    /// These are looked at as well: those that are looked at already stay as they were known.
    mutating func widen(by files: WatchedFiles) { known = known?.joined(with: files) }

    mutating func noteRefusal(of state: WatchedFiles.State, at time: ContinuousClock.Instant) {
        refused = (state, time + Self.retryPause)
    }

    /// How often they are looked at: each second, and less often where there are thousands.
    static func interval(of sources: CertificateSources) -> Duration {
        .milliseconds(min(max(1_000, 2 * (sources.files.count + sources.folders.count)), 60_000))
    }
}
