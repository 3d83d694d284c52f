import ApusAddresses
import ApusBalancing
import ApusConfig
import ApusModel
import FoundationEssentials
import Logging
import ServiceLifecycle

/// Host names of endpoints are looked up again while the configuration runs. What they stand for changes the endpoints, and
/// neither the file nor its revision.
extension RunningConfiguration {
    /// Follows the names until the task is cancelled or the surrounding service group shuts down.
    ///
    /// A name that is not found keeps its last addresses, and is told of once. Costs nothing where there are no names.
    public func followNames() async {
        await cancelWhenGracefulShutdown { await self.followUntilCancelled() }
    }

    private func followUntilCancelled() async {
        tellOwnEndpoints()
        keepNames()
        while !Task.isCancelled, !hasSuccessor {
            let interval = resolveInterval
            let due = names.takeDue(interval: interval, now: Prober.now)
            if !due.isEmpty { await look(up: due) }
            // A reload may bring names at any time.
            let pause = min(max(0, (names.nextDue(interval: interval) ?? .max) - Prober.now), 500_000)
            do { try await Task.sleep(for: .microseconds(pause)) } catch { return }
        }
    }

    var resolveInterval: Int64? { loaded.snapshot.operations.resolveInterval?.inMicroseconds }

    /// What is known of the names, for metrics and status.
    public var nameFacts: NameFacts {
        NameFacts(
            names: names.count, unresolved: names.unresolved,
            kept: KeptNames(knownNames.names.filter { names.kept.contains($0.key) }),
            lookupsFound: names.successes, lookupsFailed: names.failures)
    }

    /// Looks up names, all at once, and goes over to what they stand for.
    func look(up due: [String]) async {
        let resolve = loader.resolve
        let lane = nameLookups
        var changes: [(name: String, change: NameTable.Change)] = []
        await withTaskGroup(of: (String, [IPAddress]).self) { lookups in
            for name in due {
                lookups.addTask { (name, (try? await lane.run { _ in resolve(name) }) ?? []) }
            }
            for await (name, addresses) in lookups {
                let change = names.lookedUp(name, addresses, interval: resolveInterval, now: Prober.now)
                if let change { changes.append((name, change)) }
            }
        }
        guard !Task.isCancelled else { return }
        for (name, change) in changes { tell(name, change) }
        await useNames()
        keepNames()
    }

    /// What a configuration's names stand for now: where they are followed, what is known, which may be later than what it was
    /// read with; else what was found for it, and what is known where nobody answered.
    func addresses(for read: LoadedConfiguration) -> [String: [IPAddress]] {
        let isFollowing = resolveInterval != nil
        return read.lookups.merging(names.addresses) { found, known in
            found.isEmpty || isFollowing && !known.isEmpty ? known : found
        }
    }

    /// Goes over to the endpoints that the names stand for now, if they are others than those that run.
    func useNames() async {
        do throws(ConfigurationRefusal) { try await takeTurn() } catch { return }
        defer { endTurn() }
        let next = loaded.resolving(names.addresses)
        guard next.snapshot !== loaded.snapshot else {
            use(next, applied)
            return tellOwnEndpoints()
        }
        let target = dynamic.applied(to: next)
        do {
            try await adopter.adopt(target)
        } catch {
            // The next lookup tries again.
            logger.error("endpoints stay as they are: \(error)")
            return
        }
        use(next, target)
        tellOwnEndpoints()
    }

    /// Tells of endpoints that have come to be this process, each cause once until the next configuration.
    func tellOwnEndpoints() {
        for own in loaded.ownEndpoints(in: applied) where toldOwn.insert(own.cause).inserted {
            logger.warning("\(own)")
        }
    }

    /// Those that the warnings of a configuration have told of.
    static func toldOwn(_ loaded: LoadedConfiguration) -> Set<OwnEndpoint> {
        Set(loaded.ownEndpoints(in: loaded.snapshot, onThisMachine: false).map(\.cause))
    }

    private func tell(_ name: String, _ change: NameTable.Change) {
        let list = Self.list
        switch change {
        case .found(let addresses): logger.notice("the host name \(name) has an address now: \(list(addresses))")
        case .foundAgain: logger.notice("the host name \(name) is found again, and stands for what it did")
        case .moved(let old, let new):
            logger.notice("the host name \(name) stands for \(list(new)) now; before: \(list(old))")
        case .lost(let addresses):
            let stays = addresses.isEmpty ? "its endpoints get nothing" : "\(list(addresses)) stay in use"
            logger.warning("the host name \(name) was not found: \(stays); it is looked up again and again")
        }
    }

    /// The loader with names as they are known: what is followed need not be asked for again, and what was found once is
    /// taken where nobody answers now. So a name service that is away refuses no configuration.
    func knowingNames(_ loader: ConfigurationLoader) -> ConfigurationLoader {
        var loader = loader
        let (resolve, followed, last) = (loader.resolve, names.addresses, loaded.lookups)
        let isFollowing = resolveInterval != nil
        loader.resolve = { name in
            if isFollowing, let known = followed[name], !known.isEmpty { return known }
            let found = resolve(name)
            return found.isEmpty ? followed[name] ?? last[name] ?? [] : found
        }
        return loader
    }

    private static func list(_ addresses: [IPAddress]) -> String {
        let shown = addresses.prefix(8).map { "\($0)" }.joined(separator: ", ")
        return addresses.count > 8 ? "\(shown) and \(addresses.count - 8) more" : shown
    }
}

/// What names stand for outlives the process, for a start while the name service is away.
extension RunningConfiguration {
    /// How long what is written may be wrong about when a name was last found, while it stands for the same.
    private static let longestUnwritten: Int64 = 600

    /// What names stand for, and when that was found.
    var knownNames: KeptNames {
        let now = Int64(Date().timeIntervalSince1970)
        return KeptNames(
            names.known(now: Prober.now).mapValues { .init(addresses: $0.addresses, found: now - $0.age / 1_000_000) })
    }

    /// Has the state directory know what the names stand for, if it does not yet. Nobody waits for the disk.
    func keepNames() {
        guard let store, keepingNames == nil, !hasSuccessor else { return }
        let known = knownNames
        let isLater = known.latest - keptNames.latest >= Self.longestUnwritten
        guard isLater || !known.hasAddresses(of: keptNames) else { return }
        keptNames = known
        keepingNames = Task {
            let note = await write(known, to: store)
            if let note, note != namesNote { logger.warning("\(note)") }
            namesNote = note
            keepingNames = nil
            // They may have moved meanwhile.
            keepNames()
        }
    }

    /// - Returns: what went wrong, in words.
    private func write(_ known: KeptNames, to store: RevisionStore) async -> String? {
        let consequence = "after a restart while the name service is away, they have no address"
        do {
            return try await stateFiles.run { _ -> String? in
                do {
                    let leftOut = try store.keep(known)
                    return leftOut == 0
                        ? nil
                        : "\(leftOut) of \(known.names.count) host names have no room in the state directory, which keeps "
                            + "\(KeptNames.mostAddresses) addresses: \(consequence)"
                } catch {
                    return "what host names stand for could not be kept: \(consequence): \(error)"
                }
            }
        } catch {
            return "what host names stand for could not be kept: \(consequence): the disk does not answer"
        }
    }

    /// What is said of a name that stands for what was kept of it.
    static func words(of name: String, keeping kept: KeptNames.Name) -> String {
        "the host name \(name) has no address now: \(list(kept.addresses)) of before this start "
            + "\(kept.addresses.count == 1 ? "is" : "are") used, last found \(age(kept.age)) ago, until it is found again"
    }

    /// `12 s`, `5 min`, `3 h`, `2 days`.
    private static func age(_ seconds: Int64) -> String {
        switch seconds {
        case ..<120: "\(seconds) s"
        case ..<7_200: "\(seconds / 60) min"
        case ..<172_800: "\(seconds / 3_600) h"
        default: "\(seconds / 86_400) days"
        }
    }
}
