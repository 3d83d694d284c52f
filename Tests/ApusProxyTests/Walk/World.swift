import ApusBalancing
import ApusTransport

/// Who is outside of the worker in a walk: clients, origins, and what is known of everything they said.
final class World {
    /// How an origin receives connections, and how it behaves on them.
    enum Mood: CaseIterable {
        case well, flaky, slow, refusing, unreachable, silent
    }

    let network: MemoryNetwork
    var random: SplitMix64
    var asked: [AskedRequest] = []
    var given: [GivenResponse] = []
    var tally = WalkTally()
    var clients: [WalkClient] = []
    var origins: [WalkOrigin] = []
    var moods: [UInt16: Mood] = [:]
    /// Bytes of a request's body that are let through.
    var bodyLimit = Int.max
    /// Everybody does well from now on.
    var isSettling = false
    let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 20, alignment: 16)
    private var nextClient = 0

    static let originPorts: [UInt16] = [9_001, 9_002, 9_003, 9_004, 9_005, 9_006]

    init(seed: UInt64) {
        var random = SplitMix64(seed: seed)
        network = MemoryNetwork(seed: random.next())
        self.random = random
        for port in Self.originPorts { moods[port] = .well }
        network.reception = { [unowned self] in reception($0) }
        network.connected = { [unowned self] port, end in origins.append(WalkOrigin(port: port, self, end: end)) }
    }

    deinit { buffer.deallocate() }

    func fault(_ text: String) { network.fault(text) }

    // MARK: - Origins

    private func reception(_ port: UInt16) -> MemoryNetwork.Reception {
        let soon = Int64(random.next(below: 400))
        if isSettling { return .accept(after: soon) }
        return switch moods[port] ?? .well {
        case .well: .accept(after: soon)
        case .slow: .accept(after: soon * 1_000)
        case .flaky:
            switch random.next(below: 6) {
            case 0: .refuse(after: soon)
            case 1: .silence
            default: .accept(after: soon * 10)
            }
        case .refusing: random.next(below: 2) == 0 ? .refuse(after: soon) : .refuseAtOnce(errno: 111)
        case .unreachable: .refuseAtOnce(errno: 101)
        case .silent: .silence
        }
    }

    func behaviour(of port: UInt16, _ asked: AskedRequest, _ random: inout SplitMix64) -> WalkOrigin.Behaviour {
        if isSettling { return .answers }
        let chance = random.next(below: moods[port] == .flaky ? 30 : 100)
        return switch chance {
        case 0, 1, 12, 13: .dies
        case 2, 3: .diesWithin
        case 4: .hangs
        case 5: .babbles
        case 6: .saysMore
        case 7, 14, 15: .isBusy
        case 8: .challenges
        case 9, 10, 11: asked.bodyCount > 0 ? .answersEarly : .answers
        default: .answers
        }
    }

    func bodySize(_ random: inout SplitMix64) -> Int {
        switch random.next(below: 40) {
        case 0, 1: 560_000 + random.next(below: 400_000)
        case 2, 3: random.next(below: 150_000)
        case 4...12: random.next(below: 20_000)
        case 13...17: 0
        default: random.next(below: 400)
        }
    }

    // MARK: - Clients

    func addClient() {
        let port: UInt16 = random.next(below: 4) == 0 ? 81 : 80
        let peer = WireAddress(high: 0, low: 0xffff_0a00_0000 + UInt64(random.next(below: 200)), port: 40_000)
        guard let end = network.connect(toPort: port, from: peer) else { return }
        var habits = WalkClient.Habits()
        switch random.next(below: 10) {
        case 0: habits.trickles = true
        case 1: habits.halfCloses = true
        case 2: habits.leaves = true
        case 3: habits.readsSlowly = true
        case 4, 5: habits.pipelines = true
        case 6:
            habits.pipelines = true
            habits.halfCloses = true
            habits.readsSlowly = random.next(below: 2) == 0
        default: break
        }
        nextClient += 1
        clients.append(
            WalkClient(nextClient, self, end: end, requests: moreRequests(of: nextClient), habits: habits))
    }

    func moreRequests(of client: Int) -> [Int] {
        (0...random.next(below: 4)).map { _ in ask(client) }
    }

    private func ask(_ client: Int) -> Int {
        let id = asked.count
        let method = ["GET", "GET", "GET", "POST", "PUT", "HEAD", "DELETE"][random.next(below: 7)]
        let hasBody = method == "POST" || method == "PUT"
        let isHTTP10 = random.next(below: 12) == 0
        let bodyCount = hasBody ? bodySize(&random) : 0
        let isChunked = hasBody && !isHTTP10 && random.next(below: 3) == 0
        let place = ["a", "b", "b", "b", "c", "c", "d", "e", "e", "f", "g", "own"][random.next(below: 12)]
        let isNowhere = random.next(below: 40) == 0
        asked.append(
            AskedRequest(
                id: id, client: client, method: method, path: "/\(isNowhere ? "nowhere" : place)/\(id)",
                bodyCount: bodyCount, isChunked: isChunked, isHTTP10: isHTTP10,
                expectsContinue: bodyCount > 0 && !isHTTP10 && random.next(below: 6) == 0,
                isBad: random.next(below: 60) == 0,
                breaks: isChunked && bodyCount > 10 && random.next(below: 12) == 0))
        tally.requests += 1
        return id
    }

    /// Whether a route answers the request by itself.
    func isOwnPath(_ id: Int) -> Bool { asked[id].path.hasPrefix("/own/") }

    func head(of asked: AskedRequest, _ random: inout SplitMix64) -> String {
        var head =
            "\(asked.method) \(asked.path) HTTP/1.\(asked.isHTTP10 ? 0 : 1)\r\nHost: walk\r\nX-Id: \(asked.id)\r\n"
        if asked.isBad { head += "Host: other\r\n" }
        if asked.isChunked {
            head += "Transfer-Encoding: chunked\r\n"
        } else if asked.bodyCount > 0 || asked.method == "POST" {
            head += "Content-Length: \(asked.bodyCount)\r\n"
        }
        if asked.expectsContinue { head += "Expect: 100-continue\r\n" }
        if asked.isHTTP10 {
            if random.next(below: 2) == 0 { head += "Connection: keep-alive\r\n" }
        } else if random.next(below: 16) == 0 {
            head += "Connection: close\r\n"
        }
        if random.next(below: 30) == 0 { head += "X-Long: " + String(repeating: "x", count: 6_000) + "\r\n" }
        return head + "\r\n"
    }

    func ended(_ id: Int) {
        asked[id].ends += 1
        if asked[id].ends > 1 { fault("request \(id) ended \(asked[id].ends) times") }
    }

    /// Forgets those that are gone.
    func tidy() {
        clients.removeAll(where: \.isGone)
        origins.removeAll(where: \.isGone)
    }
}
