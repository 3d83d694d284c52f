import ApusBalancing
import ApusExchange
import ApusHTTP
import ApusModel
import ApusTransport

/// Reload: the worker goes over to another snapshot between two events.
///
/// What is under way goes on: its indices are renamed, its endpoints and connections are kept. What all workers count
/// together is counted anew from what this one has; so it does not matter that the workers go over one after the other.
extension Proxy {
    /// Goes over to the snapshot; the worker's listeners come next, and then what waits.
    mutating func adopt(_ adoption: Adoption, _ hand: inout RequestInHand, _ arena: inout BufferArena) {
        let succession = adoption.succession
        // In the indices of the snapshot in which it happened.
        tellAll()
        records.moveCounters(by: adoption, worker: neighbours.index)
        let trusted = shared.snapshot.trustedProxies
        shared = adoption.shared
        settings = adoption.settings
        if let shields = adoption.shields { adopt(shields) }
        outdateClients(succession)
        prepare(&hand)
        scratch.responseFields.clientRules = settings.rules.clientFields
        scratch.trailers.clientRules = settings.rules.clientFields
        records.log = adoption.logs[neighbours.index]
        arena.limit = shared.snapshot.limits.bufferBytesPerWorker
        adoptOrigins(adoption)
        renameConnections(succession, trustsAsBefore: trusted == shared.snapshot.trustedProxies)
        renameExchanges(adoption)
        schedule.roomInPools = schedule.roomInPools.compactMap { succession.pools.toNew[$0] }
        schedule.changedPools = schedule.changedPools.compactMap { succession.pools.toNew[$0] }
        adoptUpstreams(succession, &arena)
        neighbours.latestPools = succession.pools
        neighbours.latestMembers = adoption.members
    }

    /// Has those look again who wait, and hears what other workers have said too early.
    mutating func wakeAfterReload(_ arena: inout BufferArena) {
        renewQueues(&arena)
        schedule.wakeQueues(origins)
        let early = neighbours.earlyMessages
        neighbours.earlyMessages = []
        for message in early { hear(message) }
    }

    // MARK: What is under way

    private mutating func renameConnections(_ succession: Succession, trustsAsBefore: Bool) {
        for connection in 0..<connections.indexBound where connections.isUsed(connection) {
            let place = Int(connections[connection].place)
            let isUpstream = connections[connection].isUpstream
            // Whatever a connection belongs to has been carried along: a census leaves out only what nobody has.
            guard let renamed = (isUpstream ? succession.endpoints : succession.listeners).toNew[place] else {
                preconditionFailure("a connection of what nobody was to have")
            }
            connections[connection].place = Int32(truncatingIfNeeded: renamed)
            guard !isUpstream else { continue }
            shared.clients.add(1, to: renamed)
            if !trustsAsBefore { connections[connection].isTrusted = settings.isTrusted(connections[connection].peer) }
        }
    }

    /// Marks those of clients that were asked for other certificates than they would be now, in the old numbers: they end after
    /// the request that they have, so that nobody stays whose certificate was revoked.
    private mutating func outdateClients(_ succession: Succession) {
        let outdated = succession.previous.listeners.indices.filter { old in
            guard let new = succession.listeners.toNew[old] else { return false }
            let (before, now) = (succession.previous.listeners[old].tls, succession.snapshot.listeners[new].tls)
            return !ListenerTLS.asksAlike(before, now)
        }
        guard !outdated.isEmpty else { return }
        for connection in 0..<connections.indexBound where connections.isUsed(connection) {
            guard !connections[connection].isUpstream, outdated.contains(Int(connections[connection].place)) else {
                continue
            }
            connections[connection].link.becomesOutdated()
        }
    }

    private mutating func renameExchanges(_ adoption: Adoption) {
        let succession = adoption.succession
        for x in 0..<exchanges.indexBound where exchanges.isUsed(x) {
            exchanges[x].listener = Int(connections[exchanges[x].client].place)
            if exchanges[x].route >= 0 {
                exchanges[x].route = renamed(exchanges[x].route, succession.routes)
                if exchanges[x].isCountedOnRoute { shared.routeLoads.add(1, to: exchanges[x].route) }
                if exchanges[x].state.filters.isWaiting, !keepsFilters(exchanges[x].route, succession) {
                    exchanges[x].state.filters.startsAgain()
                }
            }
            guard exchanges[x].pool >= 0 else { continue }
            let pool = renamed(exchanges[x].pool, succession.pools)
            exchanges[x].state.visit.rename(
                pool: pool, endpoints: succession.endpoints,
                members: adoption.members[pool], &origins)
        }
    }

    /// Whether a route (a new index) has the filters that it had.
    private mutating func keepsFilters(_ route: Int, _ succession: Succession) -> Bool {
        guard let old = succession.routes.toOld[route] else { return false }
        return succession.snapshot.routes[route].filters == succession.previous.routes[old].filters
    }

    private mutating func renamed(_ index: Int, _ renaming: Renaming) -> Int {
        guard let new = renaming.toNew[index] else { preconditionFailure("an exchange of what nobody was to have") }
        return new
    }

    // MARK: Pools and endpoints

    /// Goes over to the pools and endpoints of the new snapshot, with nothing in flight; connections come later.
    private mutating func adoptOrigins(_ adoption: Adoption) {
        adoptDispatchers(adoption)
        origins.rules = settings.poolRules
        origins.loads = CountsOfAll(shared.loads)
        origins.poolLoads = CountsOfAll(shared.poolLoads)
        origins.waiting = CountsOfAll(shared.waiting)
    }

    /// Those of pools that have changed take over what the ones before them know; the others stay where they are.
    private mutating func adoptDispatchers(_ adoption: Adoption) {
        let pools = adoption.succession.pools
        var fresh = adoption.takeDispatchers(worker: neighbours.index)
        for place in fresh.indices {
            let pool = fresh[place].pool
            guard let old = pools.toOld[pool], let members = adoption.members[pool] else { continue }
            fresh[place].dispatcher.inherit(from: &origins.dispatchers[old], members: members, now: now)
        }
        var next = 0
        pools.carry(&origins.dispatchers) { pool in
            while fresh[next].pool < pool { next += 1 }
            return fresh[next].dispatcher
        }
        for changed in fresh where pools.toOld[changed.pool] != nil {
            origins.dispatchers[changed.pool] = changed.dispatcher
        }
        guard !adoption.succession.routes.isIdentity else { return }
        for pool in origins.dispatchers.indices { origins.dispatchers[pool].forgetRoutes() }
    }

    private mutating func adoptUpstreams(_ succession: Succession, _ arena: inout BufferArena) {
        let snapshot = shared.snapshot
        succession.endpoints.carry(&neighbours.hasFailed) { _ in false }
        succession.endpoints.carry(&origins.connections) { endpoint in
            UpstreamConnectionPool(snapshot.pools[snapshot.endpoints[endpoint].pool].connections)
        }
        var superfluous: [Int32] = []
        for pool in succession.changedPools {
            var limits = snapshot.pools[pool].connections
            // The requests that it still has may need a connection; nobody will need one that is kept.
            if snapshot.pools[pool].isRetired { limits.maxIdle = 0 }
            for endpoint in snapshot.pools[pool].endpoints where succession.endpoints.toOld[endpoint] != nil {
                superfluous +=
                    snapshot.endpoints[endpoint].isRetired
                    ? origins.connections[endpoint].retire() : origins.connections[endpoint].adopt(limits)
                if settings.endpointKeeping[endpoint].isRenewed(after: now) {
                    superfluous += origins.connections[endpoint].takeIdle(before: .max)
                }
            }
        }
        for connection in superfluous { closeUpstream(Int(connection), &arena) }
        closeHeldThatMayNotStay(&arena)
    }

    // MARK: Queues

    /// Who waits in a queue that the pool has no more is sent at once, or refused as anybody else is; who waits in one that
    /// goes on may wait for as long as the pool says now.
    private mutating func renewQueues(_ arena: inout BufferArena) {
        for x in 0..<exchanges.indexBound where exchanges.isUsed(x) && exchanges[x].state.visit.wait == .queued {
            guard !origins.rules[exchanges[x].pool].hasQueue else {
                renewWait(x)
                continue
            }
            leaveQueue(x)
            drive(x, .visit(.seek), &arena)
        }
    }

    // MARK: Census

    /// What this worker's connections and exchanges belong to, with what that may lead them to.
    mutating func census() -> Census {
        var census = Census()
        let snapshot = shared.snapshot
        for connection in 0..<connections.indexBound where connections.isUsed(connection) {
            let place = Int(connections[connection].place)
            if connections[connection].isUpstream {
                census.endpoints.insert(place)
                census.add(pool: settings.endpointPool[place], of: snapshot)
            } else {
                census.listeners.insert(place)
            }
        }
        for x in 0..<exchanges.indexBound where exchanges.isUsed(x) {
            if exchanges[x].pool >= 0 { census.add(pool: exchanges[x].pool, of: snapshot) }
            // What it has left is still to be recorded.
            if exchanges[x].endpoint >= 0 { census.endpoints.insert(exchanges[x].endpoint) }
            guard exchanges[x].route >= 0 else { continue }
            census.routes.insert(exchanges[x].route)
            for branch in snapshot.routes[exchanges[x].route].pools { census.add(pool: branch.pool, of: snapshot) }
        }
        return census
    }
}

extension Census {
    fileprivate mutating func add(pool: Int, of snapshot: Snapshot) {
        pools.insert(pool)
        if case .pool(let fallback) = snapshot.pools[pool].fallback { pools.insert(fallback) }
    }
}

extension Records {
    /// What was counted goes on in the counters of the next snapshot.
    mutating func moveCounters(by adoption: Adoption, worker: Int) {
        let bank = adoption.banks[worker]
        for move in adoption.counterMoves.moves {
            bank.copy(move.count, from: move.from, of: counters, to: move.to)
        }
        for departure in adoption.counterMoves.departures {
            for (offset, slot) in departure.enumerated() {
                let statusClass = offset % CounterLayout.statusClasses
                bank.add(
                    counters.value(slot), to: adoption.shared.layout.departedRequests(statusClass: statusClass))
            }
        }
        counters = bank
    }
}
