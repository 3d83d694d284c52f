import ApusBalancing
import ApusTransport
import Glibc

/// A client of the walk: it sends requests as well or as badly as its habits are, and looks at every byte that it gets.
final class WalkClient {
    /// What a client may do that others do not.
    struct Habits {
        /// Sends a few bytes at a time.
        var trickles = false
        /// Sends bodies in small pieces.
        var hesitates = false
        /// Sends all its requests at once.
        var pipelines = false
        /// Ends its direction behind its last request.
        var halfCloses = false
        /// Goes away in the middle of something, with FIN or RST.
        var leaves = false
        /// Reads little at a time, and seldom.
        var readsSlowly = false
        /// Speaks plainly to a listener that does not.
        var isMisled = false
        /// Says in the middle of something what is no record.
        var lies = false
        /// What goes wrong in its handshake.
        var misstep = Voice.Misstep.none
    }

    let number: Int
    let port: UInt16
    let habits: Habits
    private unowned let world: World
    private(set) var voice: Voice?
    /// Requests that are still to be sent.
    private var planned: [Int]
    private var outgoing = Outgoing()
    /// Where in what is sent each request begins that was put there.
    private var starts: [(at: Int, id: Int)] = []
    private var ends: [(at: Int, id: Int)] = []
    /// Requests of which a byte was sent, and which have not ended.
    private var waiting: [Int] = []
    private var scanner = MessageScanner()
    private var token: Int?
    /// The response at hand is one that Apus made.
    private var wasTold = false
    /// It is a filter's.
    private var wasDenied = false
    /// It was made before the request's head had been read.
    private var wasUnread = false
    /// A body that is held back until the origin says 100.
    private var heldBody: Int?
    /// Responses to requests so far, and when the first began to come.
    private var answerCount = 0
    private var answeredAt: Int64?
    /// The server has said that it closes.
    private var isLast = false
    /// A send has told that the connection was reset; a read does not tell it again.
    private var wasReset = false

    init(_ number: Int, _ world: World, port: UInt16, end: End, requests: [Int], habits: Habits) {
        self.number = number
        self.port = port
        self.world = world
        self.habits = habits
        planned = requests
        let voice = Voice(end, world)
        self.voice = voice
        guard world.sealing.isSealed(port), !habits.isMisled else { return }
        voice.seal(asServer: false, name: "\(number)", misstep: habits.misstep)
    }

    var isGone: Bool { voice == nil }
    private var end: End? { voice?.end }
    /// It speaks the sealed protocol.
    private var isSealed: Bool { voice?.isSealed ?? false }
    var hasOpenRequests: Bool { !waiting.isEmpty || !planned.isEmpty || !hasSent || heldBody != nil }
    private var hasSent: Bool { outgoing.isEmpty && voice?.unsent ?? 0 == 0 }
    /// Bytes of which the worker has all that it needs to read them.
    private var sentCount: Int { outgoing.sent - (voice?.unsent ?? 0) }
    private var network: MemoryNetwork { world.network }

    var description: String {
        "client \(number): waiting for \(waiting), to send \(planned) and \(outgoing.total - outgoing.sent) bytes"
            + (scanner.isInside ? ", inside a response" : "")
    }

    // MARK: - Steps

    /// Does one thing, at random.
    func step(_ random: inout SplitMix64) {
        guard let voice else { return }
        if habits.lies, voice.isSealed, !voice.isMute, random.next(below: 12) == 0 { return lie(voice) }
        if voice.isSealed, random.next(below: 40) == 0 { voice.renew() }
        noteSent()
        if habits.leaves, random.next(below: 25) == 0 { return leave(withReset: random.next(below: 2) == 0) }
        switch random.next(below: 4) {
        case 0, 1: send(amount(&random), &random)
        case 2 where heldBody != nil && random.next(below: 8) == 0: releaseBody(&random)
        default:
            if habits.readsSlowly, random.next(below: 4) > 0 { return }
            read(habits.readsSlowly ? 1 + random.next(below: 3_000) : 1 << 20)
        }
        if !voice.end.isClosed, isDone { finishOrClose(&random) }
    }

    /// Does all that is to be done, and nothing more than it must.
    ///
    /// - Returns: whether it did something.
    func cooperate(_ random: inout SplitMix64) -> Bool {
        guard let voice else { return false }
        planned.removeAll()
        voice.goOn()
        if heldBody != nil { releaseBody(&random) }
        let sent = hasSent ? 0 : send(1 << 20, &random)
        let got = self.voice == nil ? 0 : read(1 << 20)
        if isDone, self.voice != nil {
            leave(withReset: false)
            return true
        }
        return sent > 0 || got > 0 || voice.hasProgressed
    }

    /// The worker is gone: what there is to read is read.
    func readTheRest() {
        while let voice, read(1 << 20) > 0 || voice.hasProgressed {}
    }

    /// For how long it had nothing to read, up to now or to what has come in the present turn; 0 where something lies there.
    var waitedFor: Int64 {
        guard let end, let emptied = voice?.emptied, world.turns - emptied.turn >= 10 else { return 0 }
        if end.inbox.isEmpty { return network.now - emptied.at }
        return end.cameAt >= network.turnedAt ? end.cameAt - emptied.at : 0
    }

    /// The change of configuration since which the worker is to let this client go; nil where it may stay.
    private var isToGo: Int? { world.isDraining ? 0 : world.closedPorts[port] }

    /// Whether its listener goes on with clients that have ended their direction.
    ///
    /// What FIN says where an end has a message of its own, is that the client has left.
    private var servesHalfClosed: Bool { port == 80 && !isSealed }

    private var isDone: Bool {
        planned.isEmpty && hasSent && waiting.isEmpty && heldBody == nil && !scanner.isInside
    }

    private func amount(_ random: inout SplitMix64) -> Int {
        if habits.trickles { return 1 + random.next(below: 40) }
        if habits.hesitates { return 1 + random.next(below: 800) }
        return random.next(below: 3) == 0 ? 1 + random.next(below: 3_000) : 1 << 20
    }

    private func finishOrClose(_ random: inout SplitMix64) {
        if random.next(below: 3) == 0 {
            leave(withReset: false)
        } else if random.next(below: 3) == 0 {
            planned = world.moreRequests(of: number, port)
        }
    }

    func leave(withReset: Bool) {
        guard let voice else { return }
        // A FIN alone says nothing where clients are served that have ended their direction.
        let isSeen = withReset || !servesHalfClosed || !voice.end.inbox.isEmpty
        if withReset { voice.abandon() } else { voice.close(properly: waiting.isEmpty || number % 2 == 0) }
        noteSent()
        if isSeen {
            for id in waiting { world.asked[id].leftTurn = world.turns }
            world.tally.leavings += waiting.count
        }
        over()
    }

    /// Whatever it says from now on is nothing.
    private func lie(_ voice: Voice) {
        voice.lie()
        // What is on its way is heard before.
        while let first = starts.first, first.at < outgoing.sent { begin(first.id) }
        starts = []
        ends = []
        for id in waiting { world.asked[id].clientHasLeft = true }
        planned = []
        outgoing = Outgoing()
        heldBody = nil
        isLast = true
        voice.flush()
    }

    /// The connection is over: so is everything that was asked on it.
    private func over() {
        if scanner.isInside, !waiting.isEmpty { world.tally.cut += 1 }
        for id in waiting {
            world.asked[id].clientHasLeft = true
            world.ended(id)
            world.tally.unanswered += 1
        }
        waiting = []
        planned = []
        outgoing = Outgoing()
        heldBody = nil
        scanner = MessageScanner()
        voice = nil
    }

    // MARK: - Sending

    @discardableResult
    private func send(_ most: Int, _ random: inout SplitMix64) -> Int {
        guard let voice else { return 0 }
        voice.flush()
        guard !isLast, voice.isOpen else { return 0 }
        while outgoing.isEmpty || habits.pipelines, heldBody == nil, !planned.isEmpty,
            habits.pipelines || waiting.isEmpty
        {
            write(planned.removeFirst(), &random)
        }
        guard !hasSent else { return 0 }
        let result = outgoing.isEmpty ? 0 : outgoing.send(most, by: voice)
        noteSent()
        if result < 0, result != -Int(EAGAIN) {
            // What has been answered is read before.
            if result != -Int(EPIPE) { wasReset = true }
            return 0
        }
        if hasSent, planned.isEmpty, heldBody == nil, habits.halfCloses { endSending(voice) }
        return max(0, result)
    }

    /// Requests begin, and are sent whole, when the worker can read that.
    private func noteSent() {
        while let first = starts.first, first.at < sentCount { begin(first.id) }
        while let first = ends.first, first.at <= sentCount {
            ends.removeFirst()
            world.asked[first.id].sentAt = network.now
        }
    }

    private func begin(_ id: Int) {
        starts.removeFirst()
        waiting.append(id)
        world.asked[id].beganAt = network.now
        world.asked[id].cameLate = isToGo
    }

    private func endSending(_ voice: Voice) {
        let withFIN = number % 3 == 0 || !isSealed
        voice.finish(withFIN: withFIN)
        if !servesHalfClosed, withFIN { for id in waiting { world.asked[id].clientHasLeft = true } }
    }

    private func write(_ id: Int, _ random: inout SplitMix64) {
        let asked = world.asked[id]
        starts.append((outgoing.total, id))
        outgoing.append(world.head(of: asked, &random))
        if asked.expectsContinue { heldBody = id } else { writeBody(asked, &random) }
    }

    private func releaseBody(_ random: inout SplitMix64) {
        guard let id = heldBody else { return }
        heldBody = nil
        writeBody(world.asked[id], &random)
    }

    private func writeBody(_ asked: AskedRequest, _ random: inout SplitMix64) {
        defer { ends.append((outgoing.total, asked.id)) }
        guard asked.isChunked else { return outgoing.append(body: asked.seed, count: asked.bodyCount) }
        if asked.breaks {
            outgoing.append("3\r\n")
            outgoing.append(body: asked.seed, count: 3)
            return outgoing.append("\r\nzz\r\n")
        }
        let largest = [20, 3_000, 200_000][random.next(below: 3)]
        outgoing.append(
            chunksOf: asked.seed, count: asked.bodyCount,
            trailer: random.next(below: 3) == 0 ? "X-Sum: \(asked.id)\r\n" : ""
        ) { 1 + random.next(below: largest) }
    }

    // MARK: - Reading

    @discardableResult
    private func read(_ most: Int) -> Int {
        guard let voice else { return 0 }
        let buffer = world.buffer
        let count = voice.receive(into: UnsafeMutableRawBufferPointer(rebasing: buffer[..<min(most, buffer.count)]))
        noteSent()
        if count > 0 {
            scanner.take(UnsafeRawBufferPointer(rebasing: buffer[..<count]))
            look()
            return count
        }
        if count == -Int(EAGAIN) { return 0 }
        if count == 0, !wasReset, scanner.ended() { complete() }
        voice.close(properly: false)
        over()
        return 0
    }

    private func look() {
        while voice != nil {
            switch scanner.step() {
            case .needsMore: return
            case .head(let head): take(head)
            case .complete: complete()
            case .wrong(let text): return world.fault("client \(number), waiting for \(waiting): \(text)")
            }
        }
    }

    private static let misled = "plain_http_on_tls"

    private func take(_ head: MessageScanner.Head) {
        guard let status = Int(head.start[1]), head.start[0].hasPrefix("HTTP/1.") else {
            return world.fault("client \(number): the status line \(head.start)")
        }
        if status < 200 {
            world.tally.interim += 1
            let isMeant = waiting.first.map { !world.asked[$0].isHTTP10 } ?? false
            if let id = waiting.first { world.asked[id].hasBegun = true }
            if status == 101 || !isMeant { world.fault("client \(number): an interim \(status) for nothing") }
            if status == 100, let id = heldBody {
                heldBody = nil
                var random = world.random
                writeBody(world.asked[id], &random)
                world.random = random
            }
            return scanner.skipBody()
        }
        world.tally.responses += 1
        wasTold = false
        wasDenied = false
        token = head["x-token"].flatMap(Int.init)
        let reason = head["apus-reason"]
        if let reason { world.tally.reasons[reason, default: 0] += 1 }
        let unread = ["connection_limit", "descriptor_limit", "request_head_timeout", "memory_limit", Self.misled]
        wasUnread = reason.map { unread.contains($0) } ?? false
        if head["connection"]?.lowercased() == "close" { isLast = true }
        if (reason == Self.misled) != (habits.isMisled && world.sealing.isSealed(port)) {
            world.fault("client \(number): \(status) \(reason ?? "") where \(isSealed ? "sealed" : "plain") is spoken")
        }
        guard let id = waiting.first else {
            // Whoever is turned away may be so before it asks.
            let isRefusal = reason == "connection_limit" || reason == "descriptor_limit"
            if !isRefusal { world.fault("client \(number): a response \(status) (\(reason ?? "")) to nothing") }
            return scanner.begin(framing(head, status, "GET"), seed: nil)
        }
        let asked = world.asked[id]
        answerCount += 1
        if answerCount > world.requestsPerClient { world.fault("client \(number): \(answerCount) responses") }
        if let answeredAt, asked.beganAt - answeredAt > world.clientAge, !isLast {
            world.fault("client \(number): the response to \(id) is not the last, after \(asked.beganAt - answeredAt)")
        }
        answeredAt = answeredAt ?? network.now
        if asked.isLoop ? reason == nil : reason == "loop_detected" {
            world.fault("client \(number): \(status) \(reason ?? "") to \(id), which goes around: \(asked.isLoop)")
        }
        if let since = asked.cameLate, since == isToGo, !isLast {
            world.fault("client \(number): \(id) came late, and it goes on")
        }
        var seed: Int?
        if let token {
            let given = world.given[token]
            seed = GivenResponse.seed(token)
            if given.request != id {
                world.fault("client \(number): the response to \(given.request) came for \(id)")
            }
            if given.status != status { world.fault("client \(number): status \(status), not \(given.status)") }
            if asked.isBad { world.fault("client \(number): an origin's response to the bad request \(id)") }
        } else if reason != nil || world.isOwnPath(id) || asked.isShared && asked.isPreflight && status == 204 {
            wasTold = true
            let isRefusedAsBad = [400, 405, 414, 417, 431, 501, 505].contains(status)
            if asked.isGood, isRefusedAsBad, reason != Self.misled {
                world.fault("client \(number): the good request \(id) is refused for \(reason ?? "nothing")")
            }
        } else if head["content-type"] == "filter/\(id)", status == 403, asked.isFiltered, FilterDesk.denies(id) {
            wasTold = true
            wasDenied = true
            world.tally.denials += 1
            seed = asked.seed
        } else {
            world.fault("client \(number): a response \(status) to \(id) that is nobody's")
        }
        if asked.isShared { look(atSharingOf: asked, head, status) }
        scanner.begin(framing(head, status, asked.method), seed: seed)
    }

    /// What the response says of pages of other origins: in every response of an origin, its own words replaced, in the
    /// answers to preflights, and in what Apus says for an origin.
    private func look(atSharingOf asked: AskedRequest, _ head: MessageScanner.Head, _ status: Int) {
        let isPreflight = asked.isPreflight && status == 204
        guard token != nil || isPreflight || status == 502 || status == 504 else { return }
        let allowed = head.fields.filter { $0.name == "access-control-allow-origin" }.map(\.value)
        if allowed != (asked.pageOrigin == WalkSnapshots.friend ? [WalkSnapshots.friend] : []) {
            world.fault("client \(number): the response to \(asked.id) allows \(allowed)")
        }
        if !head.fields.contains(where: { $0.name == "vary" && $0.value.contains("Origin") }) {
            world.fault("client \(number): the response to \(asked.id) does not vary with the page's origin")
        }
        if isPreflight { world.tally.preflights += 1 }
    }

    private func framing(_ head: MessageScanner.Head, _ status: Int, _ method: String) -> MessageScanner.Framing {
        if method == "HEAD" || status == 204 || status == 304 { return .none }
        if head["transfer-encoding"]?.lowercased() == "chunked" {
            if let id = waiting.first, world.asked[id].isHTTP10 { world.fault("client \(number): chunks for HTTP/1.0") }
            return .chunked
        }
        return head["content-length"].flatMap(Int.init).map { .sized($0) } ?? .untilEnd
    }

    private func complete() {
        guard !waiting.isEmpty else { return }
        let id = waiting.removeFirst()
        world.ended(id)
        world.tally.complete += 1
        world.asked[id].wasAnswered = !wasUnread
        world.asked[id].bodyBytes = scanner.bodyCount
        if wasTold { world.tally.ownAnswers += 1 }
        if heldBody == id {
            // It was refused before it had to be sent.
            heldBody = nil
            isLast = true
        }
        if wasDenied, world.asked[id].method != "HEAD", scanner.bodyCount != FilterDesk.denialBytes(id) {
            world.fault("client \(number): \(scanner.bodyCount) bytes of the denial of \(id)")
        }
        guard let token else { return }
        let given = world.given[token]
        if !given.isWhole {
            world.fault("client \(number): the response \(token) to \(id) looks complete, and was cut")
        } else if world.asked[id].method != "HEAD", scanner.bodyCount != given.bodyCount {
            world.fault("client \(number): \(scanner.bodyCount) bytes of \(given.bodyCount) of the response to \(id)")
        }
        for trailer in scanner.trailers where trailer.name == "x-sum" && trailer.value != "\(token)" {
            world.fault("client \(number): the trailer of another response, \(trailer.value)")
        }
    }
}
