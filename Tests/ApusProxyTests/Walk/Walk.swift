import ApusAddresses
import ApusBalancing
import ApusModel
import ApusTransport
import Glibc

@testable import ApusExchange
@testable import ApusProxy

/// One season of the random walk: a worker, clients and origins over a scripted network, from the first turn to the last.
///
/// Everything is drawn from the seed, so that the same seed gives the same season. Each step is one thing that somebody
/// does: a turn of the worker, a read or a write of a client or an origin, a reload, time that passes.
final class Walk {
    let seed: UInt64
    let world: World
    private var random: SplitMix64
    private var snapshots: WalkSnapshots
    /// Nil when it has ended.
    var hand: WorkerAtHand!
    private let mailbox: Mailbox<WorkerMessage>
    private let lifetime: Lifetime
    private let log = WalkLog()
    /// What was handed over last.
    private var shared: SharedState
    private var settings: WorkerSettings
    private var pending: Adoption?
    /// What was handed over since the latest turn.
    private var configuration: Snapshot?
    private var isEnding = false
    /// Until when descriptors are short.
    private var shortage = 0
    private(set) var step = 0
    var network: MemoryNetwork { world.network }
    static let isTraced = getenv("APUS_WALK_TRACE") != nil

    init(seed: UInt64) throws {
        self.seed = seed
        var random = SplitMix64(seed: seed)
        let sealing = Sealing(season: seed)
        world = World(seed: random.next(), sealing: sealing)
        var snapshots = WalkSnapshots(seed: random.next(), filters: world.desk.filters, sealing: sealing)
        self.random = random
        let snapshot = snapshots.next()
        self.snapshots = snapshots
        try snapshot.check()
        mailbox = try Mailbox()
        let facts = AsyncStream.makeStream(of: ReportedFact.self, bufferingPolicy: .bufferingNewest(1))
        lifetime = Lifetime(workers: 1, facts: facts.continuation)
        shared = SharedState(snapshot, epoch: 0, lifetime: lifetime)
        settings = WorkerSettings(snapshot, listenerAddress: snapshot.listeners.map(\.bind), mark: World.mark)
        let network = world.network
        let sockets = snapshot.listeners.enumerated().map {
            ListeningSocket(socket: Socket(descriptor: network.open(port: $1.bind.port)), listener: $0)
        }
        hand = try WorkerAtHand(
            shared, settings, listeners: sockets, mailbox: mailbox, log: log.writer(snapshot), over: network)
        if sealing.isAny {
            hand.worker.proxy.adopt(world.generations.shields(snapshot, for: world.engines))
        }
        world.isShortOfMemory = snapshots.isShortOfMemory
        world.bodyLimit = snapshot.limits.bodyBytes ?? .max
        world.requestLimit = snapshot.limits.requestsPerWorker < 1_000 ? snapshot.limits.requestsPerWorker : .max
        // Ages are told to the second.
        world.clientAge = snapshot.limits.connectionAge.map { Int64($0 / .microseconds(1)) + 1_000_000 } ?? .max
        world.hasRate = snapshot.limits.rateWindow < .seconds(60)
        world.requestsPerClient = snapshot.limits.connectionRequests ?? .max
        isConfigured(snapshot)
        hasHeard()
    }

    /// That configuration is handed over.
    private func isConfigured(_ snapshot: Snapshot) {
        world.desk.isConfigured(snapshot)
        configuration = snapshot
    }

    /// The worker has taken a turn: it has heard what was said to it.
    private func hasHeard() {
        if let snapshot = configuration {
            configuration = nil
            world.generations.hear()
            world.isConfigured(
                listeners: Set(snapshot.listeners.filter { !$0.isRetired }.map(\.bind.port)),
                origins: Set(snapshot.endpoints.filter { !$0.isRetired }.map(\.address.port)))
        }
        world.isDraining = isEnding
    }

    var faults: [String] { network.faults }

    /// - Returns: what happened, faults or not.
    func run(steps: Int) -> WalkTally {
        while step < steps, faults.isEmpty {
            takeStep()
            if random.next(below: 1_500) == 0 { random.next(below: 2) == 0 ? settle() : freeze() }
        }
        if faults.isEmpty { end() }
        world.tally.seasons += 1
        world.tally.steps += step
        return world.tally
    }

    // MARK: - Steps

    private func takeStep() {
        step += 1
        if step > shortage {
            endShortage()
        }
        switch random.next(below: 100) {
        case 0..<30: turn()
        case 30..<64: clientStep()
        case 64..<92: originStep()
        case 92, 93: world.desk.step()
        case 94..<97: pass(Int64(random.next(below: 3_000)))
        // A rate is one of bytes in a second, and so is an age.
        case 97:
            if random.next(below: world.hasRate || world.clientAge < .max ? 1 : 5) == 0 {
                pass(Int64(random.next(below: 2_500_000)))
            }
        default: control()
        }
    }

    /// This machine has all that it needs.
    private func endShortage() {
        network.descriptorLimit = .max
        network.failsRegistration = 0
        network.failsSend = 0
        network.connectError = 0
        world.engines.failsCall = 0
    }

    /// This machine lacks something for a while.
    private func beginShortage() {
        shortage = step + random.next(below: 120)
        if world.sealing.isAny, random.next(below: 4) == 0 {
            world.engines.failsCall = 8
            return
        }
        switch random.next(below: 6) {
        case 0...2: network.descriptorLimit = network.descriptors.count + random.next(below: 3)
        case 3: network.failsRegistration = 4
        case 4: network.failsSend = 4
        default: network.connectError = [ENOMEM, ENOBUFS, EADDRNOTAVAIL, EMFILE][random.next(below: 4)]
        }
    }

    private func turn() {
        network.patience = Int64(random.next(below: 20) == 0 ? 60_000 : random.next(below: 2_000))
        takeTurn()
        network.now += Int64(random.next(below: 100))
        look()
    }

    /// What must hold between two turns.
    private func look() {
        for complaint in hand.complaints(network) + hand.complaints(world.engines) { world.fault(complaint) }
        if world.engines.broken > world.tally.lies { world.fault("records came that nobody has sent") }
        if isEnding, !hand.worker.isStopped, hand.worker.proxy.clients.count == 0, !network.isMailWaiting {
            world.fault("it goes on with nobody left")
        }
        hasHeard()
        world.countUnderWay()
        world.lookAtRetired()
        world.lookAtLeft()
        readLog()
        world.tidy()
    }

    private func readLog() {
        for line in log.takeRequests() {
            look(at: line)
            world.tally.logged[line.reason, default: 0] += 1
            world.asked[line.id].lines += 1
            world.asked[line.id].loggedBytes = line.bodyBytes
            let count = world.asked[line.id].lines
            if count > 1 { world.fault("request \(line.id) has \(count) lines in the log") }
        }
    }

    private func pass(_ time: Int64) {
        trace("time passes: \(time)")
        network.now += time
    }

    private func clientStep() {
        if world.clients.count < 12 || (world.clients.count < 40 && random.next(below: 8) == 0) {
            return world.addClient()
        }
        let client = world.clients[random.next(below: world.clients.count)]
        client.step(&random)
        trace(client.description)
    }

    private func originStep() {
        guard !world.origins.isEmpty else { return }
        let origin = world.origins[random.next(below: world.origins.count)]
        origin.step(&random)
        trace(origin.description)
    }

    private func control() {
        switch random.next(below: 14) {
        case 0...4:
            let port = World.originPorts[random.next(below: World.originPorts.count)]
            world.moods[port] =
                random.next(below: 2) == 0 ? .well : World.Mood.allCases[random.next(below: World.Mood.allCases.count)]
        case 5: beginShortage()
        case 6:
            let endpoint = random.next(below: shared.snapshot.endpoints.count)
            post(.origins(.setEndpoint(endpoint, available: random.next(below: 3) > 0)))
        case 7: post(.origins(.setWeight(random.next(below: shared.snapshot.endpoints.count), random.next(below: 4))))
        case 8: post(.answer(Countdown(1)))
        case 9...11: prepareReload()
        default: handOver()
        }
    }

    private func post(_ message: WorkerMessage) {
        guard !isEnding else { return }
        mailbox.post(message)
        network.isMailWaiting = true
    }

    // MARK: - Reloads

    private func prepareReload() {
        // The census comes in the words of the snapshot before, which the worker must have heard of.
        guard pending == nil, !isEnding, hand.worker.proxy.shared === shared else { return }
        let next = snapshots.next()
        let succession = Succession(from: shared.snapshot, to: next, census: hand.worker.proxy.census())
        let snapshot = succession.snapshot
        let shared = SharedState(snapshot, epoch: self.shared.epoch + 1, lifetime: lifetime)
        let settings = WorkerSettings(
            snapshot, listenerAddress: snapshot.listeners.map(\.bind), mark: World.mark, keeping: self.settings,
            through: succession)
        var sockets: [ListeningSocket] = []
        for (index, listener) in snapshot.listeners.enumerated() {
            if let origin = succession.listeners.toOld[index],
                listener.isRetired || !succession.previous.listeners[origin].isRetired
            {
                continue
            }
            let socket = Socket(descriptor: network.open(port: listener.bind.port))
            sockets.append(ListeningSocket(socket: socket, listener: index))
        }
        world.generations.give()
        let shields = world.sealing.isAny ? world.generations.shields(snapshot, for: world.engines) : nil
        pending = Adoption(
            succession, shared: shared, settings: settings, shields: shields,
            banks: [hand.worker.proxy.records.counters],
            sockets: [sockets],
            logs: [log.writer(snapshot)], seed: random.next(), now: network.now)
    }

    private func handOver() {
        guard let adoption = pending, !isEnding else { return }
        trace("reload")
        pending = nil
        shared = adoption.shared
        settings = adoption.settings
        isConfigured(shared.snapshot)
        world.tally.reloads += 1
        post(.adopt(adoption))
    }

    // MARK: - Rest

    /// More turns than coming to rest can take.
    private static let mostTurns = 200_000

    /// Everybody does what is to be done: all that is under way must end, and without waiting for a time limit.
    private func settle() {
        trace("settling")
        // Who has connected to what is not handed over yet waits for that.
        handOver()
        world.tally.settlings += 1
        world.isSettling = true
        endShortage()
        let deadline = network.now + 2_500_000
        var turns = 0
        while !world.clients.isEmpty || hand.worker.proxy.exchanges.count > 0 {
            var isBusy = false
            for client in world.clients where client.cooperate(&random) { isBusy = true }
            for origin in world.origins where origin.cooperate(&random) { isBusy = true }
            if world.desk.answerAll() { isBusy = true }
            network.patience = isBusy ? 0 : 2_000
            takeTurn()
            look()
            turns += 1
            guard faults.isEmpty else { return }
            if network.now > deadline || turns > Self.mostTurns {
                let open = world.clients.filter(\.hasOpenRequests).map(\.description)
                let origins = world.origins.map(\.description)
                return world.fault("nobody is in the way, and \(open) wait; \(origins); \(hand.underWay)")
            }
        }
        world.isSettling = false
        rest("when all had settled")
    }

    /// Nobody does anything any more: all must end by time limits.
    private func freeze() {
        trace("freezing")
        handOver()
        world.tally.freezes += 1
        endShortage()
        let end = network.now + WalkSnapshots.longest
        var turns = 0
        while network.now < end, faults.isEmpty,
            hand.worker.proxy.connections.count > 0 || network.hasNews || network.hasBacklog || hand.hasMore
        {
            network.patience = 1_000_000
            let before = network.now
            takeTurn()
            look()
            turns += 1
            if turns > Self.mostTurns { return world.fault("nobody does anything, and it goes on and on") }
            if network.now == before, !network.hasNews, !hand.hasMore { network.now += 1_000_000 }
        }
        if hand.worker.proxy.connections.count > 0 {
            world.fault("\(hand.worker.proxy.connections.count) connections for ever")
        }
        for client in world.clients {
            client.readTheRest()
            if !client.isGone { world.fault("waits for ever: \(client.description)") }
        }
        for origin in world.origins { origin.leave(withReset: false) }
        world.tidy()
        rest("when all had frozen")
    }

    // MARK: - The end

    private func end() {
        pending.map { for socket in $0.sockets.joined() { network.close(socket.socket.descriptor) } }
        pending = nil
        switch random.next(below: 4) {
        case 0:
            settle()
            if faults.isEmpty { freeze() }
        case 1, 2: drain()
        default: break
        }
        guard faults.isEmpty else { return }
        if !hand.worker.isStopped {
            // It hears all that was said to it before.
            post(.stop)
            takeTurn()
            look()
        }
        guard faults.isEmpty else { return }
        hand.count(into: &world.tally)
        hand.end()
        readLog()
        for client in world.clients {
            client.readTheRest()
            if !client.isGone { world.fault("was left behind: \(client.description)") }
        }
        for origin in world.origins { origin.leave(withReset: false) }
        rest("at the end")
        hand = nil
        if world.engines.count > 0 { world.fault("\(world.engines.count) engines are left") }
        if !network.descriptors.isEmpty { world.fault("\(network.descriptors.count) descriptors are left open") }
    }

    /// Ends the worker while everybody goes on, perhaps with a reload on its way.
    private func drain() {
        trace("draining")
        world.tally.drains += 1
        if random.next(below: 2) == 0 {
            prepareReload()
            handOver()
        }
        post(.drain(random.next(below: 2) == 0 ? 5_000_000 : 300_000, isHandingOver: random.next(below: 2) == 0))
        isEnding = true
        for _ in 0..<random.next(below: 600) where !hand.worker.isStopped && faults.isEmpty { takeStep() }
        if random.next(below: 2) == 0 { dismiss() }
        let end = network.now + WalkSnapshots.longest
        var turns = 0
        while !hand.worker.isStopped, network.now < end, turns < Self.mostTurns, faults.isEmpty {
            network.patience = 1_000_000
            takeTurn()
            look()
            turns += 1
            if !network.hasNews, !hand.hasMore { network.now += 100_000 }
        }
        if !hand.worker.isStopped { world.fault("it drains for ever") }
    }

    /// All who are there get what they came for and go, while the worker drains.
    private func dismiss() {
        world.isSettling = true
        for _ in 0..<500 where !hand.worker.isStopped && faults.isEmpty {
            for client in world.clients { _ = client.cooperate(&random) }
            for origin in world.origins { _ = origin.cooperate(&random) }
            _ = world.desk.answerAll()
            network.patience = 1_000
            takeTurn()
            look()
        }
        world.isSettling = false
    }

    private func trace(_ text: @autoclosure () -> String) {
        guard Self.isTraced else { return }
        let line = "\(step) at \(network.now): \(text())\n"
        _ = write(2, line, line.utf8.count)
    }
}
