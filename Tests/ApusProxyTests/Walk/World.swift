import ApusBalancing
import ApusTransport
import Glibc

/// Who is outside of the worker in a walk: clients, origins, and what is known of everything they said.
final class World {
    /// How an origin receives connections, and how it behaves on them.
    enum Mood: CaseIterable {
        case well, flaky, slow, refusing, unreachable, silent
        /// This machine has no local port left for it.
        case portless
    }

    let network: MemoryNetwork
    let sealing: Sealing
    let engines: ScriptedEngines
    var generations = Generations()
    var random: SplitMix64
    var asked: [AskedRequest] = []
    var given: [GivenResponse] = []
    var tally = WalkTally()
    var clients: [WalkClient] = []
    var origins: [WalkOrigin] = []
    var moods: [UInt16: Mood] = [:]
    /// Bytes of a request's body that are let through.
    var bodyLimit = Int.max
    /// The worker has so little memory that requests are refused for want of it.
    var isShortOfMemory = false
    /// Requests that may be under way at once.
    var requestLimit = Int.max
    /// Requests that one client's connection carries.
    var requestsPerClient = Int.max
    /// Bodies must make a rate that they may miss.
    var hasRate = false
    /// How old a client's connection becomes, in microseconds.
    var clientAge = Int64.max
    /// The worker's turns so far.
    var turns = 0
    /// By what requests are known that were forwarded, by the listener's port and the first part of the path.
    private(set) var marks: [String: String] = [:]
    /// The worker has been told to end, and has heard it.
    var isDraining = false
    /// Ports where it does not listen any more, since which change of configuration, and the origins' ports that it may
    /// use, as it has heard.
    private(set) var closedPorts: [UInt16: Int] = [:]
    private(set) var configuredPorts: Set<UInt16> = []
    private var changes = 0
    /// Everybody does well from now on.
    var isSettling = false
    let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 20, alignment: 16)
    private(set) var desk: FilterDesk!
    private var nextClient = 0

    static let originPorts: [UInt16] = [9_001, 9_002, 9_003, 9_004, 9_005, 9_006, 9_007]
    /// By what the worker knows requests that it has forwarded.
    static let mark: UInt32 = 0x5eed_10af
    /// The port that only one pool has, if any.
    static let rarePort: UInt16 = 9_007

    init(seed: UInt64, sealing: Sealing) {
        var random = SplitMix64(seed: seed)
        network = MemoryNetwork(seed: random.next())
        self.random = random
        self.sealing = sealing
        engines = ScriptedEngines(seed: seed, room: [17_500, 20_000, 60_000, 192 << 10][Int(seed >> 32) % 4])
        desk = FilterDesk(self)
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
        case .portless: .refuseAtOnce(errno: EADDRNOTAVAIL)
        }
    }

    func behaviour(of port: UInt16, _ asked: AskedRequest, _ random: inout SplitMix64) -> WalkOrigin.Behaviour {
        if isSettling { return .answers }
        let chance = random.next(below: moods[port] == .flaky ? 30 : 100)
        return switch chance {
        case 0, 1, 12, 13: .dies
        case 2, 3: .diesWithin
        case 4: .hangs
        case 5, 24, 25: .babbles
        case 6: .saysMore
        case 7, 14, 15: .isBusy
        case 8: .challenges
        case 16...23 where asked.bodyCount > 0: .dies
        case 51...70 where port == Self.rarePort: .challenges
        case 26...50 where asked.path.hasPrefix("/e/"): .isBusy
        case 11: .vanishes
        case 9, 10: asked.bodyCount > 0 ? .answersEarly : .answers
        default: .answers
        }
    }

    /// What goes wrong in a handshake with an origin.
    func originsMisstep() -> Voice.Misstep {
        guard !isSettling, random.next(below: 12) == 0 else { return .none }
        return Voice.Misstep.allCases[random.next(below: Voice.Misstep.allCases.count)]
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

    /// Where a client connects from: no other that is there has the same.
    static func clientPort(_ number: Int) -> UInt16 { UInt16(1_024 + number % 60_000) }

    func addClient() {
        let port: UInt16 = random.next(below: 4) == 0 ? 81 : 80
        let peer = WireAddress(
            high: 0, low: 0xffff_0a00_0000 + UInt64(random.next(below: 200)), port: Self.clientPort(nextClient + 1))
        guard let end = network.connect(toPort: port, from: peer) else { return }
        var habits = WalkClient.Habits()
        switch random.next(below: 10) {
        case 0: habits.trickles = true
        case 1: habits.halfCloses = true
        case 2: habits.leaves = true
        case 3: habits.readsSlowly = true
        case 4, 5: habits.pipelines = true
        case 7, 8: habits.hesitates = true
        case 6:
            habits.pipelines = true
            habits.halfCloses = true
            habits.readsSlowly = random.next(below: 2) == 0
        default: break
        }
        if isShortOfMemory, random.next(below: 3) == 0 {
            habits.readsSlowly = true
            habits.pipelines = random.next(below: 2) == 0
        }
        if sealing.isSealed(port) {
            switch random.next(below: 20) {
            case 0: habits.isMisled = true
            case 1, 2: habits.misstep = Voice.Misstep.allCases[random.next(below: Voice.Misstep.allCases.count)]
            case 3: habits.lies = true
            default: break
            }
        }
        nextClient += 1
        clients.append(
            WalkClient(
                nextClient, self, port: port, end: end, requests: moreRequests(of: nextClient, port),
                habits: habits))
    }

    func moreRequests(of client: Int, _ port: UInt16) -> [Int] {
        (0...random.next(below: 4)).map { _ in ask(client, port) }
    }

    private func ask(_ client: Int, _ port: UInt16) -> Int {
        let id = asked.count
        let places = ["a", "b", "b", "b", "c", "c", "d", "e", "e", "f", "g", "own", "h", "h", "x"]
        let place = places[random.next(below: places.count)]
        var method = ["GET", "GET", "GET", "POST", "PUT", "HEAD", "DELETE"][random.next(below: 7)]
        let friends = [nil, WalkSnapshots.friend, WalkSnapshots.friend, "https://foe.example"]
        let pageOrigin = place == "x" ? friends[random.next(below: 4)] : nil
        let isPreflight = pageOrigin != nil && random.next(below: 2) == 0
        if isPreflight { method = "OPTIONS" }
        let hasBody = method == "POST" || method == "PUT"
        let isHTTP10 = random.next(below: 12) == 0
        let isChunked = hasBody && !isHTTP10 && random.next(below: 3) == 0
        let isLarge = hasBody && random.next(below: 8) == 0
        let bodyCount = isLarge ? 560_000 + random.next(below: 400_000) : hasBody ? bodySize(&random) : 0
        let isNowhere = random.next(below: 40) == 0
        let path = "/\(isNowhere ? "nowhere" : place)/\(id)"
        let mark = mark(for: Self.way(port, path))
        asked.append(
            AskedRequest(
                id: id, client: client, method: method, path: path,
                bodyCount: bodyCount, isChunked: isChunked, isHTTP10: isHTTP10,
                expectsContinue: bodyCount > 0 && !isHTTP10 && random.next(below: 6) == 0,
                isBad: random.next(below: 60) == 0,
                breaks: isChunked && bodyCount > 10 && random.next(below: 12) == 0, pageOrigin: pageOrigin,
                isPreflight: isPreflight, mark: mark, isLoop: mark != nil && mark == marks[Self.way(port, path)]))
        tally.requests += 1
        return id
    }

    /// What stands for the route of a request that comes in at that port.
    private static func way(_ port: UInt16, _ path: String) -> String {
        "\(port)/\(path.split(separator: "/").first ?? "")"
    }

    /// Some requests come back: by the same route, or by another one.
    private func mark(for way: String) -> String? {
        switch random.next(below: 24) {
        case 0: return marks[way]
        case 1:
            let ways = marks.keys.sorted()
            return ways.isEmpty ? nil : marks[ways[random.next(below: ways.count)]]
        default: return nil
        }
    }

    /// An origin has got a request with those marks.
    func cameMarked(_ id: Int, _ port: UInt16, by found: [String]) {
        if asked[id].isLoop { fault("the request \(id) went around again") }
        guard found.count == (asked[id].mark == nil ? 1 : 2), let mark = found.last else {
            return fault("the request \(id) came with the marks \(found)")
        }
        // While it waited for a filter, its route was removed: nothing can come back to that.
        if asked[id].isFiltered, mark == String(Self.mark, radix: 16) { return }
        let way = Self.way(port, asked[id].path)
        if let known = marks[way], known != mark { fault("the mark of \(way) was \(known), and is \(mark)") }
        marks[way] = mark
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
        if let mark = asked.mark { head += "Apus-Loop: \(mark)\r\n" }
        if let origin = asked.pageOrigin { head += "Origin: \(origin)\r\n" }
        if asked.isPreflight { head += "Access-Control-Request-Method: PUT\r\n" }
        if asked.expectsContinue { head += "Expect: 100-continue\r\n" }
        if asked.isHTTP10 {
            if random.next(below: 2) == 0 { head += "Connection: keep-alive\r\n" }
        } else if random.next(below: 16) == 0 {
            head += "Connection: close\r\n"
        }
        if random.next(below: 20) == 0 {
            head += "X-Long: " + String(repeating: "x", count: 2_000 + random.next(below: 6_000)) + "\r\n"
        }
        return head + "\r\n"
    }

    /// More requests must not be at origins at once than may be under way.
    func countUnderWay() {
        guard requestLimit < .max else { return }
        let ids = Set(origins.compactMap(\.underWay))
        if ids.count > requestLimit { fault("\(ids.count) requests are under way: \(ids.sorted())") }
    }

    /// The worker keeps no connection to an origin that no configuration names any more.
    func lookAtRetired() {
        for origin in origins where !configuredPorts.contains(origin.port) {
            if origin.countRest() > 40 { fault("origin \(origin.port): gone, and a connection to it is kept") }
        }
    }

    func isConfigured(listeners: Set<UInt16>, origins: Set<UInt16>) {
        changes += 1
        for port in [80, 81] as [UInt16] {
            closedPorts[port] = listeners.contains(port) ? nil : closedPorts[port] ?? changes
        }
        configuredPorts = origins
    }

    /// Nothing goes on at an origin for a client that has left.
    func lookAtLeft() {
        for origin in origins {
            guard let id = origin.underWay, let turn = asked[id].leftTurn, turns - turn > 10 else { continue }
            fault("origin \(origin.port): the client of \(id) has left, and its attempt goes on")
        }
    }

    func ended(_ id: Int) {
        asked[id].ends += 1
        asked[id].endedAt = network.now
        if asked[id].ends > 1 { fault("request \(id) ended \(asked[id].ends) times") }
    }

    /// Forgets those that are gone.
    func tidy() {
        clients.removeAll(where: \.isGone)
        origins.removeAll(where: \.isGone)
    }
}
