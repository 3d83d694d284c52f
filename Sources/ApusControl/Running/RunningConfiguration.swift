import ApusAddresses
import ApusBalancing
public import ApusConfig
import ApusModel
import FoundationEssentials
public import Logging

/// The configuration that runs, and the only way to another one.
///
/// A new one is read and checked completely, then all workers go over to it, or it is refused and nothing has changed. Files
/// are read beside each other, so that a slow one holds up nobody else; workers go over one at a time, in the order in which
/// configurations were asked for. Each that comes to run is a `Revision`; the last ones are kept, so
/// that there is a way back.
///
/// Beside the configuration stands what was changed while running (`DynamicState`): it is laid over every configuration
/// that comes, until it is taken back or what it is about is gone.
public actor RunningConfiguration {
    /// The main file; nil for a program that was given none.
    public nonisolated let path: String?
    let loader: ConfigurationLoader
    let adopter: any SnapshotAdopter
    let live: Live
    nonisolated let store: RevisionStore?
    let logger: Logger

    /// The revision that runs.
    public private(set) var revision: Revision
    /// As it was loaded: what was changed while running is not in it.
    public private(set) var loaded: LoadedConfiguration
    /// Whose it is.
    private(set) var author = ConfigurationAuthor.operatorsFile
    /// What was changed while running.
    public internal(set) var dynamic: DynamicState
    /// What runs: `loaded` with `dynamic` laid over it.
    var applied: Snapshot
    /// The revisions before and the one that runs, by number.
    var kept: [Revision]
    /// What the file was last read from; nil until somebody wants to know.
    var watched: WatchedFiles?
    /// How reloads went, for the metrics.
    public private(set) var reloads: ReloadFacts
    /// The files that were refused, and when they are tried again; nil while they are good, as far as is known.
    var refusedFiles: RefusedFiles?
    var refusalWatch: RefusalWatch?
    /// Pairs on disk that are not taken.
    private(set) var keptPairs: Set<KeptPair> = []
    /// What is told of ends of certificates, and of what authorities say.
    var endings: EndingWatch
    /// Told of each reload's outcome.
    private let outcome: @Sendable (ReloadFacts) -> Void
    var turns = Turns()
    /// Where files are read for those who send configurations, and for the process's own file: neither waits for the other.
    nonisolated let callersFiles = FileLane("calls", width: 2, longestLine: 8, patience: .seconds(60))
    nonisolated let ownFiles = FileLane("files", width: 2, longestLine: 8, patience: .seconds(120))
    /// Where the state is written: one thing after the other.
    nonisolated let stateFiles = FileLane(
        "state", width: 1, longestLine: 64, patience: .seconds(10), finishes: true)
    /// Where names of endpoints are looked up, beside all else.
    nonisolated let nameLookups = FileLane("names", width: 8, longestLine: .max, patience: .seconds(30))
    /// The names of endpoints that are followed.
    var names = NameTable(seed: .random(in: .min ... .max))
    /// The endpoints that are this process, as of the last look, and what was told of them, by cause.
    var ownEndpoints: [OwnEndpoint] = []
    var toldOwn: Set<OwnEndpoint> = []
    /// How often it was looked.
    var lastLook = 0
    /// Where the admin server listens by a port that the system gave, by index of the listener.
    var adminAddresses: [Int: SocketAddress] = [:]
    /// What is in the state directory of names, and the writing of it that is under way.
    var keptNames = KeptNames()
    var keepingNames: Task<Void, Never>?
    /// When it is written again, after it could not be.
    var namesRetry: Int64?
    /// What went wrong with it the last time, in words.
    var namesNote: String?
    /// What is not in the state directory although it should be, and the writing of it that is under way.
    var unwritten = Unwritten()
    var keepingAgain: Task<Void, Never>?
    /// What asked for a configuration and has not been given the turn yet, by its number.
    var loading: Set<Int> = []
    /// The number of the latest that asked for one, and of the latest that came to run.
    var lastAsked = 0
    var lastAdopted = 0
    /// A process is being started that takes over.
    var isHandingOver = false
    /// A process that took over runs its own configuration.
    var hasSuccessor = false

    /// - Parameters:
    ///   - path: the configuration file; nil for programs that embed Apus without one.
    ///   - first: what runs already.
    ///   - store: where revisions and changes are kept beyond the process. What it holds of changes runs already too:
    ///     `DynamicState.applied` has been called with it.
    ///   - handedOver: what a process before this one has told; nil where there was none, for what the store holds. What is
    ///     kept of names runs already too: `LoadedConfiguration.using` has been called with it.
    ///   - previousNumber: the number of the revision that the process before ran; 0 for none.
    ///   - outcome: Told of each reload that took effect or was refused, whoever asked for it.
    public init(
        path: String?, loader: ConfigurationLoader, first: LoadedConfiguration, adopter: any SnapshotAdopter,
        live: Live, store: RevisionStore? = nil, handed handedOver: HandedState? = nil, previousNumber: Int = 0,
        logger: Logger, outcome: @escaping @Sendable (ReloadFacts) -> Void = { _ in }
    ) {
        self.path = path
        self.loader = loader
        self.adopter = adopter
        self.live = live
        self.store = store
        self.logger = logger
        self.outcome = outcome
        loaded = first
        var kept = store?.revisions ?? []
        if let last = kept.last, last.digest == Revision.digest(of: first.files) {
            revision = last
        } else {
            let revision = Revision(
                number: max(kept.last?.number ?? 0, previousNumber) + 1, cause: .start, files: first.files)
            kept.append(revision)
            if let store, let note = Self.keep(revision, in: store, first.snapshot.operations.keptRevisions) {
                logger.warning("\(Self.unkept(revision, note))")
                unwritten.note(revision.number, now: Prober.now)
            }
            self.revision = revision
        }
        // A process that was killed may have left one more than it was to keep.
        self.kept = kept.suffix(max(1, first.snapshot.operations.keptRevisions))
        reloads = ReloadFacts(revision: revision.number, lastMicroseconds: Self.wallClock)
        endings = EndingWatch(now: loader.now())
        var dynamic = handedOver?.dynamic ?? store?.dynamicState ?? DynamicState()
        for line in dynamic.reconcile(with: first.snapshot) { logger.notice("\(line)") }
        self.dynamic = dynamic
        applied = dynamic.applied(to: first)
        names.follow(
            first.followedNames, found: first.lookups,
            interval: first.snapshot.operations.resolveInterval?.inMicroseconds, now: Prober.now)
        toldOwn = Self.toldOwn(first.resolving(first.lookups))
        ownEndpoints = first.ownEndpoints(in: applied)
        keptNames = store?.names ?? KeptNames()
        if let leftOut = handedOver?.leftOut, leftOut > 0 {
            logger.warning(
                "of what the process before knew of changes and names, \(leftOut) are not understood, and left out")
        }
        let now = Self.secondsNow
        let before = Self.keptNames(handedOver, store)
        for name in names.keep(before.names.mapValues { ($0.addresses, $0.age(at: now) * 1_000_000) }, now: Prober.now)
        {
            guard let value = before.names[name] else { continue }
            logger.warning("\(Self.words(of: name, keeping: value, now: now))")
        }
    }

    /// What is known of names from before this process.
    public static func keptNames(_ handedOver: HandedState?, _ store: RevisionStore?) -> KeptNames {
        (handedOver?.names ?? KeptNames()).joined(with: store?.names ?? KeptNames())
    }

    /// Whether changes and revisions can outlive the process.
    nonisolated var isStored: Bool { store != nil }

    /// The revisions that there is a way back to, and the one that runs, by number.
    public var revisions: [Revision] { kept }

    // MARK: - New configurations

    /// Reads the file again and goes over to what it says.
    ///
    /// - Parameter dryRun: only says what would happen.
    @discardableResult
    public func reload(_ cause: Revision.Cause, dryRun: Bool = false) async throws(ConfigurationRefusal) -> Adoption {
        guard let path else { throw .noFile }
        let record = ReadingRecord()
        // Whatever comes of it: what was refused is not to be tried again until it changes.
        defer { if !dryRun { watched = record.files.joined(with: watched) } }
        do throws(ConfigurationRefusal) {
            let adoption = try await goOver(cause, .operatorsFile, dryRun) { loader throws(ConfigurationErrors) in
                try record.recording(cause == .watch ? loader.keepingPairs : loader).load(path: path)
            }
            if !dryRun { noteGood(adoption.effect) }
            return adoption
        } catch {
            if !dryRun { noteRefused(error, cause, record.files) }
            throw error
        }
    }

    /// Goes over to a configuration that was given as text, in place of the main file. Files that it includes are read from
    /// where they are; it reaches no further than what runs, and what `admin: { files: ... }` allows. The main file stays
    /// as it is: the next `reload` returns to it.
    ///
    /// - Parameter expected: digests, one of which the running revision must have; nil for any.
    @discardableResult
    public func apply(
        text: String, expecting expected: [String]? = nil, dryRun: Bool = false
    ) async throws(ConfigurationRefusal) -> Adoption {
        let file = path ?? "configuration"
        return try await goOver(.admin, .caller, dryRun, expecting: expected) { loader throws(ConfigurationErrors) in
            try loader.load(text: text, file: file)
        }
    }

    /// Goes back to a kept revision, which then runs as a new one. Without a number, to the last that said something else: asked for
    /// twice, that leads to where it began.
    ///
    /// Secrets are read from their files and variables as they are now: no revision holds them.
    @discardableResult
    public func rollback(
        to number: Int? = nil, expecting expected: [String]? = nil, dryRun: Bool = false
    ) async throws(ConfigurationRefusal) -> Adoption {
        try check(expected)
        let target = try target(of: number)
        return try await goOver(
            .rollback, .kept(lentPaths: target.lentPaths), dryRun, expecting: expected, running: revision.number
        ) { loader throws(ConfigurationErrors) in
            try loader.reading(target.files).load(path: target.files[0].path)
        }
    }

    private func target(of number: Int?) throws(ConfigurationRefusal) -> Revision {
        let numbers = kept.map(\.number).filter { $0 != revision.number }
        // With the same text as what runs, it would read the same certificates.
        let last = kept.last { $0.number != revision.number && $0.digest != revision.digest }?.number ?? numbers.last
        guard let target = kept.last(where: { $0.number == number ?? last }), !target.files.isEmpty
        else { throw .noRevision(asked: number, kept: numbers) }
        return target
    }

    /// What the process's own file allowed when it was last read.
    var allowedFiles: [FilePattern] { loaded.snapshot.operations.admin.flatMap(\.files) }

    func check(_ expected: [String]?) throws(ConfigurationRefusal) {
        guard let expected, !expected.contains(revision.digest) else { return }
        throw .otherRevision(running: revision)
    }

    // MARK: - Going over

    func note(succeeded: Bool) {
        reloads.revision = revision.number
        reloads.lastSucceeded = succeeded
        reloads.lastMicroseconds = Self.wallClock
        if succeeded { reloads.applied += 1 } else { reloads.refused += 1 }
        outcome(reloads)
    }

    /// What was offered last was refused, and is now what runs: without a reload.
    func noteAgreement(since refused: RefusedFiles) {
        guard reloads.lastMicroseconds == refused.time else { return }
        reloads.lastSucceeded = true
        outcome(reloads)
    }

    /// Microseconds since 1970.
    private static var wallClock: Int64 { Int64(Date().timeIntervalSince1970 * 1_000_000) }

    /// Goes over to what has been read, or says what would happen. It is the caller's turn, unless it only asks.
    func goOver(
        to read: LoadedConfiguration, _ cause: Revision.Cause, _ author: ConfigurationAuthor, _ dryRun: Bool
    ) async throws(ConfigurationRefusal) -> Adoption {
        let (fixed, notes) = read.snapshot.keepingWhatIsFixed(
            of: loaded.snapshot, isSent: author != .operatorsFile)
        // Names may have moved while it was read.
        let next = await resolved(read.running(as: fixed), addresses(for: read))
        let wanted = next.snapshot
        var dynamic = dynamic
        let dropped = dynamic.reconcile(with: wanted)
        let target = dynamic.applied(to: wanted, signers: next.sessionSigners)
        if !dryRun { keep(next.keptPairs) }
        let changesSnapshot = wanted != loaded.snapshot || !dropped.isEmpty
        let changesText = Revision.digest(of: next.files) != revision.digest
        let mask = loaded.variables.joined(with: next.variables)
        var adoption = Adoption(
            effect: .unchanged, revision: revision, warnings: next.newsworthyWarnings,
            notes: (notes + dropped).map(mask.masked))
        guard changesSnapshot || changesText else {
            if !dryRun, cause != .certificates {
                logger.notice("revision \(revision.number) runs on (\(cause)): nothing has changed")
            }
            return adoption
        }
        adoption.revision = Revision(
            number: max(kept.last?.number ?? 0, revision.number) + 1, cause: cause, files: next.files,
            lentPaths: next.lentPaths)
        let changes = ConfigurationChanges(from: loaded.snapshot, to: wanted)
        adoption.summary = mask.masked(changes.summary)
        adoption.changes = changes.lines.map(mask.masked)
        let news = mask.masked(CertificateNews(from: loaded.snapshot, to: wanted).words)
        guard !dryRun else {
            adoption.effect = .dryRun
            return adoption
        }
        if changesSnapshot {
            do {
                try await adopter.adopt(target)
            } catch {
                throw .notAdopted(mask.masked("\(error)"))
            }
        }
        adoption.effect = .adopted
        revision = adoption.revision
        if cause != .certificates {
            self.author = author == .operatorsFile ? author : .kept(lentPaths: next.lentPaths)
        }
        self.dynamic = dynamic
        let wereFollowed = resolveInterval != nil
        use(next, target)
        names.follow(
            next.followedNames, found: next.lookups, isNews: !wereFollowed, interval: resolveInterval, now: Prober.now)
        toldOwn = Self.toldOwn(read)
        await tellOwnEndpoints()
        keepNames()
        adoption.notes += await keepRevision()
        if !dropped.isEmpty { adoption.notes += await keepDynamicState() }
        tell(adoption, news)
        return adoption
    }

    private func keep(_ pairs: Set<KeptPair>) {
        for pair in pairs.subtracting(keptPairs).sorted(by: { $0.file < $1.file }) { logger.warning("\(pair.words)") }
        keptPairs = pairs
    }

    /// Notes what runs from now on.
    func use(_ next: LoadedConfiguration, _ target: Snapshot) {
        loaded = next
        applied = target
    }

    /// - Parameter news: the files of certificates that came with it.
    private func tell(_ adoption: Adoption, _ news: String) {
        let warnings = DiagnosticExcerpt(adoption.warnings, bytes: DiagnosticExcerpt.loggedBytes)
        for warning in warnings.shown { logger.warning("\(warning.rendered)") }
        if let omission = warnings.omission { logger.warning("\(omission)") }
        for note in adoption.notes { logger.warning("\(note)") }
        let files = news.isEmpty ? "" : ": \(news)"
        logger.notice("revision \(revision.number) runs (\(revision.cause)): \(adoption.summary)\(files)")
    }
}
