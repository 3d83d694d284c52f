import ApusAddresses
import ApusModel
import ApusTransport
import Glibc

@testable import ApusProxy

/// A worker over a scripted network with one pool, and another if asked, of which a test takes every step by itself.
final class ScriptedStage {
    let network = MemoryNetwork(seed: 1)
    let hand: WorkerAtHand
    let engines = ScriptedEngines(seed: 1, room: 20_000)
    private let mailbox: Mailbox<WorkerMessage>
    private let log = WalkLog()
    /// The origins' ends of the connections that the worker has opened, in order.
    private(set) var origins: [End] = []

    enum Sealed { case listener, pool }

    /// - Parameters:
    ///   - endpoints: how many the pool has; their ports begin at 9000.
    ///   - seals: who speaks the sealed protocol, the listener or the pool; nil for nobody.
    ///   - fallback: the pool that takes what this one cannot, with two endpoints; nil for none.
    init(
        endpoints: Int = 1, configure: (inout Pool) -> Void = { _ in }, fallback: ((inout Pool) -> Void)? = nil,
        timeouts: Timeouts = Timeouts(), limits: Limits = Limits(), seals: Sealed? = nil
    ) throws {
        mailbox = try Mailbox()
        network.capacities = [65_536]
        let loopback = IPAddress(high: 0, low: 0xffff_7f00_0001)
        var pool = Pool(name: "p", health: HealthCheck(probe: .none), endpoints: 0..<endpoints)
        configure(&pool)
        if seals == .pool { pool.tls = PoolTLS() }
        var listener = Listener(name: "l", bind: SocketAddress(ip: loopback, port: 80), routes: 0..<1)
        if seals == .listener { listener.tls = ListenerTLS() }
        var pools = [pool]
        if let fallback {
            var other = Pool(name: "f", health: HealthCheck(probe: .none), endpoints: endpoints..<endpoints + 2)
            fallback(&other)
            pools[0].fallback = .pool(1)
            pools.append(other)
        }
        let snapshot = Snapshot(
            workers: 1, listeners: [listener],
            routes: [Route(name: "*", pool: 0)], pools: pools,
            endpoints: pools.indices.flatMap { pool in
                pools[pool].endpoints.map {
                    Endpoint(name: "e\($0)", address: SocketAddress(ip: loopback, port: 9_000 + UInt16($0)), pool: pool)
                }
            }, timeouts: timeouts, limits: limits)
        let facts = AsyncStream.makeStream(of: ReportedFact.self, bufferingPolicy: .bufferingNewest(1))
        let shared = SharedState(snapshot, epoch: 0, lifetime: Lifetime(workers: 1, facts: facts.continuation))
        let settings = WorkerSettings(snapshot, listenerAddress: snapshot.listeners.map(\.bind))
        let socket = Socket(descriptor: network.open(port: 80))
        hand = try WorkerAtHand(
            shared, settings, listeners: [ListeningSocket(socket: socket, listener: 0)], mailbox: mailbox,
            log: log.writer(snapshot), over: network)
        if seals != nil { hand.worker.proxy.adopt(Generations().shields(snapshot, for: engines)) }
        network.reception = { _ in .accept(after: 0) }
        network.connected = { [unowned self] _, end in origins.append(end) }
    }

    func connect() throws -> End {
        guard let end = network.connect(toPort: 80, from: WireAddress(high: 0, low: 1, port: 1)) else {
            throw CancellationError()
        }
        return end
    }

    /// Takes turns until there is nothing to do.
    func turns() {
        for _ in 0..<100 {
            hand.turn()
            if !network.hasNews, !hand.hasMore { return }
        }
        network.fault("it goes on and on")
    }

    /// Goes on with the handshake of that end until it is over.
    func shake(_ peer: SealedEnd) {
        for _ in 0..<400 where !peer.side.isOpen {
            peer.pull()
            peer.push()
            turns()
        }
    }

    /// Sends, and has the worker do what it makes of it.
    func say(_ text: String, from end: End) {
        put(text, from: end)
        turns()
    }

    /// Sends, and no more.
    func put(_ text: String, from end: End) {
        let bytes = Array(text.utf8)
        if bytes.withUnsafeBytes({ network.send($0, from: end) }) < bytes.count { network.fault("no room for \(text)") }
    }

    /// What has come to that end, and whether it ended: "FIN" or "RST" stand behind it.
    func heard(_ end: End) -> String {
        var text = ""
        var buffer = [UInt8](repeating: 0, count: 65_536)
        while true {
            let count = buffer.withUnsafeMutableBytes { network.receive(into: $0, at: end) }
            guard count > 0 else {
                return text + (count == 0 ? "FIN" : count == -Int(EAGAIN) ? "" : "RST")
            }
            text += String(decoding: buffer[..<count], as: UTF8.self)
        }
    }

    /// The lines of the access log since this was asked before.
    func logged() -> [String] { log.takeLines().map { String(decoding: $0, as: UTF8.self) } }

    /// What the worker has counted of that endpoint.
    func count(_ counter: CounterLayout.EndpointCounter, _ endpoint: Int = 0) -> UInt64 {
        hand.worker.proxy.records.counters.value(hand.worker.proxy.shared.layout.endpoint(endpoint, counter))
    }

    /// Bytes that the worker counts as sent to clients.
    var bytesSent: Int {
        let layout = hand.worker.proxy.shared.layout
        return Int(hand.worker.proxy.records.counters.value(layout.listener(0, .bytesSent)))
    }

    /// Lets time pass, turn by turn.
    func pass(milliseconds: Int64) {
        let end = network.now + milliseconds * 1_000
        while network.now < end {
            network.patience = min(10_000, end - network.now)
            let before = network.now
            hand.turn()
            if network.now == before { network.now += 1 }
        }
        network.patience = 0
        turns()
    }
}
