import ApusModel
import ApusTransport

@testable import ApusBalancing
@testable import ApusExchange
@testable import ApusProxy

/// A worker whose turns a test takes one by one, over a scripted network.
final class WorkerAtHand {
    var worker: Worker
    private var hand = RequestInHand(place: Stretch())
    private(set) var arena: BufferArena
    private var hasEnded = false

    init(
        _ shared: SharedState, _ settings: WorkerSettings, listeners: [ListeningSocket],
        mailbox: Mailbox<WorkerMessage>, log: AccessLogWriter?, over network: MemoryNetwork
    ) throws {
        worker = Worker(
            index: 0, shared: shared, settings: settings,
            counters: CounterBank(count: shared.snapshot.counterRoom.slots),
            mailbox: mailbox, others: [], listeners: listeners, log: log,
            links: try Links(pipeLimit: 8, script: network))
        arena = BufferArena(limit: shared.snapshot.limits.bufferBytesPerWorker)
        try worker.begin(&hand)
    }

    func turn() { worker.turn(&hand, &arena) }

    func end() {
        hasEnded = true
        worker.end(&arena)
    }

    /// Connects that failed, as the worker counts them, and connections that are being opened.
    var connectFailures: Int {
        let layout = worker.proxy.shared.layout
        return worker.proxy.shared.snapshot.endpoints.indices.reduce(0) {
            $0 + Int(worker.proxy.records.counters.value(layout.endpoint($1, .connectFailures)))
        }
    }

    var connectingCount: Int {
        (0..<worker.proxy.connections.indexBound).count {
            worker.proxy.connections.isUsed($0) && worker.proxy.connections[$0].isBeingOpened
        }
    }

    /// Something is ready that no event will tell of.
    var hasMore: Bool { !worker.proxy.connections.ready.isEmpty }

    /// What is under way, for whoever has to find out why it does not end.
    var underWay: [String] {
        (0..<worker.proxy.connections.indexBound).filter { worker.proxy.connections.isUsed($0) }.map { index in
            let connection = worker.proxy.connections[index]
            var text =
                "connection \(index): \(connection.phase), due \(connection.deadline), input \(connection.input.count), "
                + "output \(connection.output.count), \(connection.link)"
            if !connection.isUpstream, connection.exchange >= 0 {
                let exchange = worker.proxy.exchanges[Int(connection.exchange)]
                text +=
                    ", in pool \(exchange.pool) at \(exchange.upstream): \(exchange.state.responsePhase), waits for "
                    + "\(exchange.state.visit.wait), alarm \(exchange.alarm)"
            }
            return text
        }
    }

    /// What is wrong at any time between two turns.
    func complaints(_ network: MemoryNetwork) -> [String] {
        var complaints: [String] = []
        if network.connectionCount != worker.proxy.connections.count {
            complaints.append("\(network.connectionCount) sockets for \(worker.proxy.connections.count) connections")
        }
        for listener in worker.proxy.shared.snapshot.listeners.indices {
            let count = worker.proxy.shared.clients.value(listener)
            if count > worker.proxy.settings.connectionsPerListener {
                complaints.append("\(count) clients of a listener")
            }
        }
        if worker.proxy.exchanges.count > worker.proxy.clients.count {
            complaints.append("\(worker.proxy.exchanges.count) exchanges of \(worker.proxy.clients.count) clients")
        }
        return complaints
    }

    /// The same of engines: there is one for each link that is sealed.
    func complaints(_ engines: ScriptedEngines) -> [String] {
        let sealed = (0..<worker.proxy.connections.indexBound).count {
            worker.proxy.connections.isUsed($0) && !worker.proxy.connections[$0].link.isPlain
        }
        let count = engines.count
        return engines.complaints + (count == sealed ? [] : ["\(count) engines for \(sealed) sealed connections"])
    }

    /// What has not come back although no exchange is under way.
    func leftovers(_ network: MemoryNetwork) -> [String] {
        var left: [String] = []
        func expect(_ value: Int, _ expected: Int, _ name: @autoclosure () -> String) {
            if value != expected { left.append("\(name()): \(value) instead of \(expected)") }
        }
        let shared = worker.proxy.shared
        let layout = shared.layout
        for endpoint in shared.snapshot.endpoints.indices {
            expect(shared.loads.value(endpoint), 0, "load of endpoint \(endpoint)")
            let started = worker.proxy.records.counters.value(layout.endpoint(endpoint, .exchangesStarted))
            let ended = worker.proxy.records.counters.value(layout.endpoint(endpoint, .exchangesEnded))
            expect(Int(ended), Int(started), "exchanges ended at endpoint \(endpoint)")
        }
        for pool in shared.snapshot.pools.indices {
            expect(shared.poolLoads.value(pool), 0, "load of pool \(pool)")
            expect(shared.waiting.value(pool), 0, "requests waiting in pool \(pool)")
            expect(worker.proxy.origins.dispatchers[pool].waitingCount, 0, "queue of pool \(pool)")
            expect(
                worker.proxy.origins.dispatchers[pool].budget.requestsInFlight, 0, "budget's requests of pool \(pool)")
            expect(worker.proxy.origins.dispatchers[pool].budget.retriesInFlight, 0, "budget's retries of pool \(pool)")
        }
        for route in shared.snapshot.routes.indices {
            expect(shared.routeLoads.value(route), 0, "load of route \(route)")
        }
        expect(network.pipeEndCount, 2 * worker.proxy.connections.links.pipeCount, "ends of pipes")
        expect(worker.proxy.exchanges.count, 0, "exchanges")
        countConnections(&left)
        return left
    }

    /// Compares the connections that there are with what is counted of them.
    private func countConnections(_ left: inout [String]) {
        let shared = worker.proxy.shared
        var clients = [Int](repeating: 0, count: shared.snapshot.listeners.count)
        var idle = [Int](repeating: 0, count: shared.snapshot.endpoints.count)
        var held = idle
        var lingering = 0
        for index in 0..<worker.proxy.connections.indexBound where worker.proxy.connections.isUsed(index) {
            let connection = worker.proxy.connections[index]
            switch connection.phase {
            case .idle: idle[Int(connection.place)] += 1
            case .held: held[Int(connection.place)] += 1
            case .connecting, .opening, .leased: left.append("a connection to an origin is \(connection.phase)")
            case .exchanging: left.append("a client's connection is exchanging")
            case .lingering: lingering += 1
            case .introducing, .shaking, .waiting, .readingHead, .evicted: break
            }
            if !connection.isUpstream { clients[Int(connection.place)] += 1 }
        }
        // A worker that has ended has closed all of them, and tells nobody.
        for (endpoint, count) in idle.enumerated() where !hasEnded {
            let pool = worker.proxy.origins.connections[endpoint]
            if pool.idleCount != count || pool.busyCount != held[endpoint] {
                left.append(
                    "endpoint \(endpoint) has \(count) idle and \(held[endpoint]) held connections, and counts "
                        + "\(pool.idleCount) and \(pool.busyCount)")
            }
        }
        for (listener, count) in clients.enumerated() where shared.clients.value(listener) != count {
            left.append("listener \(listener) has \(count) clients, and counts \(shared.clients.value(listener))")
        }
        if worker.proxy.clients.count != clients.reduce(0, +) {
            left.append("\(clients.reduce(0, +)) clients, counted \(worker.proxy.clients.count)")
        }
        if worker.proxy.clients.lingering != lingering {
            left.append("\(lingering) linger, counted \(worker.proxy.clients.lingering)")
        }
        if worker.proxy.connections.count == 0, arena.bytesInUse != 0 {
            left.append("\(arena.bytesInUse) bytes of buffers are borrowed for nobody")
        }
    }
}
