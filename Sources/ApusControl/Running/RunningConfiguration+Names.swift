public import ApusAddresses
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
        await tellOwnEndpoints()
        keepNames()
        while !Task.isCancelled, !hasSuccessor {
            let interval = resolveInterval
            let due = names.takeDue(interval: interval, now: Prober.now)
            if !due.isEmpty { await look(up: due) }
            if namesRetry != nil { keepNames() }
            keepAgain()
            // A reload may bring names at any time.
            let pause = min(max(0, (names.nextDue(interval: interval) ?? .max) - Prober.now), 500_000)
            do { try await Task.sleep(for: .microseconds(pause)) } catch { return }
        }
    }

    var resolveInterval: Int64? { loaded.snapshot.operations.resolveInterval?.inMicroseconds }

    /// What is known of the names, for metrics and status.
    public var nameFacts: NameFacts {
        names.facts(now: Prober.now, wallClock: Self.secondsNow)
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
        let next = await resolved(loaded, names.addresses)
        guard next.snapshot !== loaded.snapshot else {
            use(next, applied)
            return await tellOwnEndpoints()
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
        await tellOwnEndpoints()
    }

    /// A configuration with the addresses that its names stand for, and without those that lead to the admin server.
    func resolved(_ read: LoadedConfiguration, _ addresses: [String: [IPAddress]]) async -> LoadedConfiguration {
        var read = read
        read.adminAddresses = adminAddresses.values.sorted { $0.port < $1.port }
        return await Self.resolved(read, addresses)
    }

    /// Beside the actor: the system may be asked for this machine's addresses.
    @concurrent
    private static func resolved(
        _ read: LoadedConfiguration, _ addresses: [String: [IPAddress]]
    ) async -> LoadedConfiguration {
        read.resolving(addresses)
    }

    /// Looks which endpoints are this process, and tells of those that have come to be so: each cause once as long as it is
    /// there.
    func tellOwnEndpoints() async {
        lastLook += 1
        let look = lastLook
        let own = await Self.ownEndpoints(of: loaded, in: applied)
        // Of what ran meanwhile, the look that began after it tells.
        guard look == lastLook else { return }
        ownEndpoints = own
        for own in own where toldOwn.insert(own.cause).inserted { logger.warning("\(own)") }
        toldOwn.formIntersection(own.map(\.cause))
    }

    @concurrent
    private static func ownEndpoints(
        of loaded: LoadedConfiguration, in running: Snapshot
    ) async -> [OwnEndpoint] {
        loaded.ownEndpoints(in: running)
    }

    /// The admin server listens there, by a port that the system gave: names must not lead there either.
    ///
    /// - Parameter index: of the admin listener.
    public func adminListens(at address: SocketAddress, index: Int = 0) async {
        guard adminAddresses.updateValue(address, forKey: index) != address else { return }
        await useNames()
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

    static func list(_ addresses: [IPAddress]) -> String {
        let shown = addresses.prefix(8).map { "\($0)" }.joined(separator: ", ")
        return addresses.count > 8 ? "\(shown) and \(addresses.count - 8) more" : shown
    }
}
