import ApusConfig
import ApusModel
import Logging

/// How a configuration is read before it is anybody's turn: files that are slow hold up nobody who changes something, and
/// nobody who ends the process.
extension RunningConfiguration {
    /// How often a configuration is read again since what it was read for has changed meanwhile.
    private static let attempts = 3
    /// How long the turn is left to those who asked before and whose files are still being read.
    private static let courtesy = Duration.seconds(1)

    /// What a configuration may use that somebody has sent.
    var reachLimit: ReachLimit {
        ReachLimit(loaded, main: path, patterns: allowedFiles)
    }

    /// Reads a configuration, and goes over to it in the order in which it was asked for.
    ///
    /// - Parameters:
    ///   - expected: digests, one of which the running revision must have; nil for any.
    ///   - number: the revision that must still run then; nil for any.
    func goOver(
        _ cause: Revision.Cause, _ author: ConfigurationAuthor, _ dryRun: Bool, expecting expected: [String]? = nil,
        running number: Int? = nil,
        _ load: @escaping @Sendable (ConfigurationLoader) throws(ConfigurationErrors) -> LoadedConfiguration
    ) async throws(ConfigurationRefusal) -> Adoption {
        try check(expected)
        do {
            if dryRun {
                try checkSuccessor()
                return try await goOver(to: try await read(author, load), cause, author, true)
            }
            let adoption = try await goOverInOrder(cause, author, expected, number, load)
            note(succeeded: true)
            return adoption
        } catch {
            // Nobody's configuration was looked at.
            if case .otherRevision = error { throw error }
            if case .handedOver = error { throw error }
            if !dryRun {
                note(succeeded: false)
                logger.error("the configuration was refused (\(cause)); nothing has changed:\n\(error)")
            }
            throw error
        }
    }

    private func goOverInOrder(
        _ cause: Revision.Cause, _ author: ConfigurationAuthor, _ expected: [String]?, _ number: Int?,
        _ load: @escaping @Sendable (ConfigurationLoader) throws(ConfigurationErrors) -> LoadedConfiguration
    ) async throws(ConfigurationRefusal) -> Adoption {
        var asked = 0
        for attempt in 0..<Self.attempts {
            // The file says more when it is read again; what somebody sent is what it was, and keeps its place.
            if attempt == 0 || author == .operatorsFile {
                lastAsked += 1
                asked = lastAsked
            }
            let place = asked
            loading.insert(place)
            defer { loading.remove(place) }
            let limit = reachLimit
            let next = try await read(author, load)
            await waitForThoseBefore(place)
            // Whoever waits for this one goes behind it in the line.
            loading.remove(place)
            try await takeTurn()
            defer { endTurn() }
            try check(expected)
            if let number, number != revision.number { throw .otherRevision(running: revision) }
            // What it was allowed to use may be another's business by now, and a later look at the file says more.
            if author == .caller, !limit.allowsTheSame(as: reachLimit) { continue }
            guard lastAdopted < place else {
                if author == .operatorsFile { continue }
                break
            }
            let adoption = try await goOver(to: next, cause, author, false)
            lastAdopted = place
            return adoption
        }
        throw .conflict(
            "configurations that were asked for later came to run while the files of this one were read: revision "
                + "\(revision.number) runs; ask again if this one is to replace it")
    }

    private func waitForThoseBefore(_ place: Int) async {
        let start = ContinuousClock.now
        while loading.contains(where: { $0 < place }), start.duration(to: .now) < Self.courtesy, !Task.isCancelled {
            try? await Task.sleep(for: .milliseconds(5))
        }
    }

    private func checkSuccessor() throws(ConfigurationRefusal) {
        guard !hasSuccessor else { throw .handedOver }
    }

    /// Reads a configuration on a thread that nobody else waits for: reading files and looking up names may take seconds,
    /// or never end.
    ///
    /// - Parameter isForComparing: nothing is done with it but to compare it.
    func read(
        _ author: ConfigurationAuthor, isForComparing: Bool = false,
        _ load: @escaping @Sendable (ConfigurationLoader) throws(ConfigurationErrors) -> LoadedConfiguration
    ) async throws(ConfigurationRefusal) -> LoadedConfiguration {
        var loader = knowingNames(loader)
        loader.running = loaded.snapshot
        if author == .caller {
            var limit = reachLimit
            limit.isForComparing = isForComparing
            loader.limit = limit
        } else if case .kept(let lentPaths) = author {
            var limit = reachLimit
            limit.lentBefore = Set(lentPaths)
            loader.limit = limit
        }
        let lane = author == .caller ? callersFiles : ownFiles
        let result: Result<LoadedConfiguration, ConfigurationErrors>
        do throws(FileLane.Failure) {
            result = try await lane.run { [loader] isGivenUp in
                var loader = loader
                let resolve = loader.resolve
                loader.isGivenUp = isGivenUp
                loader.resolve = { isGivenUp() ? [] : resolve($0) }
                do throws(ConfigurationErrors) { return .success(try load(loader)) } catch { return .failure(error) }
            }
        } catch {
            throw ConfigurationRefusal(error)
        }
        switch result {
        case .success(let loaded): return loaded
        case .failure(let errors): throw .invalid(errors.diagnostics)
        }
    }
}

/// Whose a configuration is, which decides what it may use.
enum ConfigurationAuthor: Sendable, Equatable {
    /// It stands in the process's own file, and may use what it names.
    case operatorsFile
    /// It ran before, and was lent these paths.
    case kept(lentPaths: [String])
    /// Somebody sent it.
    case caller
}

extension ConfigurationRefusal {
    init(_ failure: FileLane.Failure) {
        self =
            switch failure {
            case .busy: .busy("the files of other configurations are being read, and many more wait")
            case .tooLong(let time):
                .busy("its files were not read, or its names not found, within \(time.components.seconds) seconds")
            case .cancelled: .busy("nobody waits for it any more")
            }
    }
}
