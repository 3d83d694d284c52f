import ApusConfig
import Logging

/// The files as they were refused, from then until they are good again: a restart would read them.
struct RefusedFiles: Sendable, Equatable {
    /// In microseconds since 1970.
    var time: Int64
    var cause: Revision.Cause
    /// The first thing that is wrong, in a line, and how many more there are.
    var reason: String
    /// Whether a process that begins with them would fail.
    var stopsRestart: Bool
    /// Whether nothing was wrong with them, and they could not be carried out.
    var wasRight = false
}

/// When refused files are to be tried again.
struct RefusalWatch {
    private let files: WatchedFiles
    private var detector = ChangeDetector()
    /// Something else may have been wrong, such as a right to read.
    private let retry: ContinuousClock.Instant

    init(_ files: WatchedFiles, at time: ContinuousClock.Instant) {
        self.files = files
        retry = time + CertificateWatch.retryPause
    }

    func look(_ loader: ConfigurationLoader) -> WatchedFiles.State { files.look(loader) }

    mutating func isDue(_ now: WatchedFiles.State, at time: ContinuousClock.Instant) -> Bool {
        detector.isSettled(read: files.state, now: now) || time >= retry
    }
}

extension RunningConfiguration {
    /// Keeps in mind that files were refused.
    ///
    /// - Parameter files: as they were read.
    func noteRefused(_ refusal: ConfigurationRefusal, _ cause: Revision.Cause, _ files: WatchedFiles) {
        let reason: String
        switch refusal {
        case .invalid(let diagnostics):
            let errors = diagnostics.filter { $0.severity == .error }
            let more = errors.count > 1 ? " (and \(errors.count - 1) more)" : ""
            reason = (errors.first?.description ?? "\(refusal)") + more
        case .notAdopted(let words): reason = words
        default: return
        }
        // What would stop a restart outlasts what concerns the running texts alone.
        let stopsRestart = cause != .certificates || isOfFile
        if let refusedFiles, refusedFiles.stopsRestart, !stopsRestart { return }
        refusedFiles = RefusedFiles(
            time: reloads.lastMicroseconds, cause: cause, reason: reason,
            stopsRestart: stopsRestart, wasRight: refusal.isOfCarryingOut)
        refusalWatch = RefusalWatch(files, at: .now)
    }

    /// Whether what runs is what the main file said.
    private var isOfFile: Bool { path != nil && author == .operatorsFile }

    /// A reload has taken the files.
    func noteGood(_ effect: Adoption.Effect) {
        guard refusedFiles != nil else { return }
        (refusedFiles, refusalWatch) = (nil, nil)
        // What has changed is in a line of its own.
        if effect == .unchanged { logger.notice("\(Self.goodAgain)") }
    }

    private static let goodAgain = "the files are good again: what runs is what they say"

    /// Tries refused files when they have changed. Where that is left to `watch`, only now and then.
    func lookAtRefusedFiles() async {
        guard var watch = refusalWatch, let refused = refusedFiles else { return }
        let loader = loader
        guard let now = try? await ownFiles.run({ [watch] _ in watch.look(loader) }) else { return }
        let isDue = watch.isDue(now, at: .now)
        guard refusedFiles == refused else { return }
        refusalWatch = watch
        if isDue { await tryRefusedFiles() }
    }

    /// Finds out whether refused files are good by now, without going over to them.
    func tryRefusedFiles() async {
        guard let refused = refusedFiles else { return }
        let record = ReadingRecord()
        do throws(ConfigurationRefusal) {
            let adoption = try await dryRun(of: refused, record)
            guard refused == refusedFiles else { return }
            // What could not be carried out was right before, too.
            guard adoption.effect == .unchanged || !refused.wasRight else { return }
            (refusedFiles, refusalWatch) = (nil, nil)
            guard adoption.effect == .unchanged else {
                return logger.notice(
                    "the files are good again, and say something else than what runs (\(adoption.summary)): reload to have it run"
                )
            }
            noteAgreement(since: refused)
            logger.notice("\(Self.goodAgain)")
        } catch {
            if refused == refusedFiles { refusalWatch = RefusalWatch(record.files, at: .now) }
        }
    }

    private func dryRun(
        of refused: RefusedFiles, _ record: ReadingRecord
    ) async throws(ConfigurationRefusal) -> Adoption {
        if let path, refused.stopsRestart {
            return try await goOver(.watch, .operatorsFile, true) { loader throws(ConfigurationErrors) in
                try record.recording(loader.keepingPairs).load(path: path)
            }
        }
        let running = revision
        guard let main = running.files.first else { throw .noFile }
        return try await goOver(.certificates, author, true) { loader throws(ConfigurationErrors) in
            try record.recording(loader.keepingPairs.reading(running.files)).load(path: main.path)
        }
    }
}

extension ConfigurationRefusal {
    fileprivate var isOfCarryingOut: Bool { if case .notAdopted = self { true } else { false } }
}

extension ConfigurationLoader {
    /// For what is loaded because files have changed: a pair that has ended replaces none that holds.
    var keepingPairs: ConfigurationLoader {
        var loader = self
        loader.keepsPairsThatHold = true
        return loader
    }
}
