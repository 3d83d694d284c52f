import ApusAddresses
import ApusBalancing
import Glibc

/// An origin's end of a connection in the walk: it answers as well or as badly as chance has it, and holds each request to
/// what its client has sent.
final class WalkOrigin {
    /// What becomes of a request.
    enum Behaviour: CaseIterable {
        case answers
        /// Begins to answer when the head has come.
        case answersEarly
        /// Closes instead of answering, before or behind the request's end.
        case dies
        /// Closes after some bytes of the response.
        case diesWithin
        /// Says nothing for a long time.
        case hangs
        /// Is not there any more: nothing tells its peer but that nothing is acknowledged.
        case vanishes
        /// What it says is no response.
        case babbles
        /// Says more than it was asked for.
        case saysMore
        /// Says 503.
        case isBusy
        /// Asks the client to authenticate its connection.
        case challenges
    }

    let port: UInt16
    private unowned let world: World
    private(set) var voice: Voice?
    private var scanner = MessageScanner()
    private var outgoing = Outgoing()
    private var request: Int?
    private var behaviour = Behaviour.answers
    private var requestIsWhole = false
    private var hasAnswered = false
    private var token: Int?
    /// Bytes sent after which it dies.
    private var lifetime = Int.max
    private var diesWithReset = false
    private var closesBehind = false
    /// Bytes of what is sent that were noted as such.
    private var notedCount = 0
    /// Where in what is sent the response's body begins, and where the response ends.
    private var bodyStart = 0
    private var responseEnd = Int.max
    private var answerIsSent = false
    private var endsWithConnection = false
    /// Looks in a row that found nothing under way.
    private var restCount = 0
    private var keeping: KeptConnection
    /// What is answered is a stream of events, or comes a few bytes at a time.
    private var isStream = false
    private var trickles = false
    /// Whose connection it has become.
    private var owner: Int?
    /// What has come of a header of the PROXY protocol; nil once it is known that there is none, or all of it.
    private var header: [UInt8]? = []
    /// The port of the client that it names.
    private var namedPort: UInt16?

    init(port: UInt16, _ world: World, end: End) {
        self.port = port
        self.world = world
        voice = Voice(end, world)
        keeping = KeptConnection(bornAt: world.network.now)
    }

    var isGone: Bool { voice == nil }
    private var end: End? { voice?.end }
    /// Bytes of which the worker has all that it needs to read them.
    private var sentCount: Int { outgoing.sent - (voice?.unsent ?? 0) }
    private var hasSent: Bool { outgoing.isEmpty && voice?.unsent ?? 0 == 0 }
    private var network: MemoryNetwork { world.network }
    private var isIdle: Bool { request == nil }
    /// The request for whose response somebody waits.
    var underWay: Int? {
        guard let other = end?.other, !other.isClosed, !answerIsSent, sentCount < responseEnd else { return nil }
        return request
    }

    var description: String {
        "origin \(port): \(request.map { "\(world.asked[$0].method) \(world.asked[$0].path), \(behaviour), whole: \(requestIsWhole)" } ?? "idle"), "
            + "\(outgoing.total - outgoing.sent) bytes to send"
    }

    /// Looks whether all that was asked and said here is over, and the connection is still there.
    ///
    /// - Returns: how often in a row that was so.
    func countRest() -> Int {
        let isAtRest = isIdle && outgoing.isEmpty && end?.hasFinished == false && end?.inbox.isEmpty == true
        guard isAtRest, let other = end?.other, !other.isClosed, other.inbox.isEmpty else {
            restCount = 0
            return 0
        }
        restCount += 1
        return restCount
    }

    // MARK: - Steps

    func step(_ random: inout SplitMix64) {
        guard let voice else { return }
        if voice.isSealed, voice.isOpen, !voice.isMute {
            if random.next(below: 150) == 0 { return lie(voice) }
            if random.next(below: 40) == 0 { voice.renew() }
        }
        if isIdle, random.next(below: 40) == 0 { return leave(withReset: random.next(below: 3) == 0) }
        let diesInside = behaviour == .dies && !isIdle && !requestIsWhole
        if diesInside, random.next(below: 4) == 0 { return leave(withReset: random.next(below: 2) == 0) }
        if random.next(below: 2) == 0 {
            read(random.next(below: 3) == 0 ? 1 + random.next(below: 5_000) : 1 << 20, &random)
        } else if !isStream || sentCount < bodyStart || random.next(below: 12) == 0 {
            write(
                trickles
                    ? 1 + random.next(below: 40) : random.next(below: 3) == 0 ? 1 + random.next(below: 3_000) : 1 << 20,
                &random)
        }
    }

    /// Does all that is to be done, and does it well from now on.
    func cooperate(_ random: inout SplitMix64) -> Bool {
        guard let voice else { return false }
        voice.goOn()
        let got = read(1 << 20, &random)
        if [.hangs, .vanishes, .dies].contains(behaviour), requestIsWhole, !hasAnswered { answer(&random) }
        let sent = self.voice == nil ? 0 : write(1 << 20, &random)
        return got > 0 || sent > 0 || voice.hasProgressed
    }

    func leave(withReset: Bool) {
        guard let voice else { return }
        if let request, !hasAnswered, let other = voice.end.other, !other.isClosed {
            world.asked[request].deaths += 1
        }
        noteSent()
        if withReset {
            self.voice = nil
            return voice.abandon()
        }
        let isWhole = voice.close(properly: world.isSettling || world.random.next(below: 2) > 0)
        noteSent()
        self.voice = nil
        guard endsWithConnection, let token, outgoing.sent - voice.unsent >= bodyStart, hasAnswered else { return }
        guard isWhole else {
            world.tally.cutEnds += 1
            return
        }
        // To whoever reads it the body has ended here.
        world.given[token].bodyCount = outgoing.sent - bodyStart
        world.given[token].isWhole = true
    }

    /// Whatever it says from now on is nothing.
    private func lie(_ voice: Voice) {
        voice.lie()
        voice.flush()
    }

    // MARK: - Reading

    @discardableResult
    private func read(_ most: Int, _ random: inout SplitMix64) -> Int {
        guard let voice else { return 0 }
        let buffer = world.buffer
        if isIdle, !scanner.isInside, !voice.isInside, !voice.end.inbox.isEmpty {
            keeping.measureRest(voice.end, world)
        }
        let count = voice.receive(into: UnsafeMutableRawBufferPointer(rebasing: buffer[..<min(most, buffer.count)]))
        noteSent()
        if count > 0 {
            takeHeader(UnsafeRawBufferPointer(rebasing: buffer[..<count]))
            look(&random)
            return count
        }
        if count != -Int(EAGAIN) { leave(withReset: false) }
        return 0
    }

    /// Takes the header that the connection may begin with, and gives the scanner what is none of it, or finds that the
    /// worker does not speak plainly.
    private func takeHeader(_ bytes: UnsafeRawBufferPointer) {
        guard var begun = header else { return scanner.take(bytes) }
        begun += bytes
        header = begun
        if namedPort == nil {
            do throws(ProxyHeaderFault) {
                guard let parsed = try ProxyHeader.parse(begun.span) else { return }
                begun.removeFirst(parsed.end)
                namedPort = parsed.addresses?.client.port
                world.tally.named += 1
            } catch {
                if error != .missing { world.fault("origin \(port): a header of the PROXY protocol: \(error)") }
            }
        }
        header = begun.isEmpty ? [] : nil
        guard let first = begun.first else { return }
        guard first == SealedRecord.Kind.handshake.rawValue, world.sealing.isAny else {
            return begun.withUnsafeBytes { scanner.take($0) }
        }
        voice?.seal(asServer: true, name: "\(port)", misstep: world.originsMisstep(), after: begun)
    }

    private func look(_ random: inout SplitMix64) {
        while voice != nil {
            if request != nil, requestIsWhole {
                if scanner.rest > 0 {
                    world.fault("origin \(port): \(scanner.rest) bytes behind request \(request ?? 0), which is whole")
                }
                return
            }
            switch scanner.step() {
            case .needsMore: return
            case .head(let head): take(head, &random)
            case .complete: wasAsked(&random)
            case .wrong(let text): return world.fault("origin \(port), request \(request ?? -1): \(text)")
            }
        }
    }

    private func take(_ head: MessageScanner.Head, _ random: inout SplitMix64) {
        guard let voice else { return }
        guard let id = head["x-id"].flatMap(Int.init), world.asked.indices.contains(id) else {
            return world.fault("origin \(port): a request that nobody has sent: \(head.start)")
        }
        request = id
        requestIsWhole = false
        hasAnswered = false
        answerIsSent = false
        responseEnd = .max
        token = nil
        lifetime = .max
        closesBehind = false
        endsWithConnection = false
        outgoing = Outgoing()
        notedCount = 0
        let asked = world.asked[id]
        isStream = false
        keeping.came(asked, isOwned: owner != nil || namedPort != nil, world) { world.fault("origin \(port): \($0)") }
        let client = world.clients.first { $0.number == asked.client }
        if let port = client?.port {
            world.cameMarked(id, port, by: head.fields.filter { $0.name == "apus-loop" }.map(\.value))
        }
        world.asked[id].heads += 1
        if let complaint = world.sealing.complaint(asked.path, at: port, by: voice.peerName) {
            world.fault("origin \(port): \(complaint)")
        }
        if asked.isBad { world.fault("origin \(port): the bad request \(id)") }
        if asked.isFiltered { world.desk.cameThrough(id) }
        if asked.isShared, asked.isPreflight { world.fault("origin \(port): the preflight \(id)") }
        if asked.method != head.start[0] { world.fault("origin \(port): \(head.start[0]) instead of \(asked.method)") }
        if !asked.isIdempotent, world.asked[id].heads > 1 { world.fault("origin \(port): the POST \(id) came again") }
        // A second attempt that was sent before has been given up by then.
        if asked.hasBegun, let other = end?.other, !other.isClosed {
            world.fault("origin \(port): \(id) came again behind an interim response")
        }
        // Where attempts have a time limit of their own, that may be over when the connection breaks.
        if asked.deaths > 1, !asked.path.hasPrefix("/e/") {
            world.fault("origin \(port): \(id) came again, of which two have died")
        }
        if world.asked[id].heads > 20 { world.fault("origin \(port): the request \(id) came 20 times") }
        if let owner, owner != asked.client {
            world.fault("origin \(port): client \(asked.client) on a connection that speaks for \(owner)")
        }
        if let namedPort, namedPort != World.clientPort(asked.client) {
            world.fault("origin \(port): client \(asked.client) on a connection that names the one at \(namedPort)")
        }
        let framing: MessageScanner.Framing
        if head["transfer-encoding"]?.lowercased() == "chunked" {
            framing = .chunked
        } else if let length = head["content-length"].flatMap(Int.init) {
            framing = .sized(length)
            if length != asked.bodyCount { world.fault("origin \(port): \(length) bytes announced of \(id)") }
        } else {
            framing = .none
        }
        if asked.bodyCount > 0, framing == .none { world.fault("origin \(port): the body of \(id) is lost") }
        scanner.begin(framing, seed: asked.seed)
        behaviour = world.behaviour(of: port, asked, &random)
        if framing != .none, asked.expectsContinue || random.next(below: 12) == 0 {
            outgoing.append("HTTP/1.1 100 Continue\r\n\r\n")
        }
        // Another endpoint may have been asked as well.
        if random.next(below: asked.path.hasPrefix("/c/") ? 2 : 6) == 0 {
            for _ in 0...random.next(below: 3) { outgoing.append("HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n") }
        }
        switch behaviour {
        case .answersEarly: answer(&random)
        case .dies where random.next(below: 2) == 0: leave(withReset: random.next(below: 2) == 0)
        default: break
        }
    }

    private func wasAsked(_ random: inout SplitMix64) {
        guard let id = request else { return }
        requestIsWhole = true
        if scanner.bodyCount > world.bodyLimit { world.fault("origin \(port): \(id) is larger than may be") }
        if scanner.bodyCount != world.asked[id].bodyCount {
            world.fault("origin \(port): \(scanner.bodyCount) bytes of request \(id) look like all of it")
        }
        for trailer in scanner.trailers where trailer.name == "x-sum" && trailer.value != "\(id)" {
            world.fault("origin \(port): the trailer of another request, \(trailer.value)")
        }
        if answerIsSent { return exchangeEnded() }
        if hasAnswered { return }
        switch behaviour {
        case .dies: leave(withReset: random.next(below: 2) == 0)
        case .hangs: break
        case .vanishes: end?.other?.lostSince = network.now
        case .babbles: babble(&random)
        default: answer(&random)
        }
    }

    // MARK: - Answering

    private func babble(_ random: inout SplitMix64) {
        hasAnswered = true
        lifetime = .max
        closesBehind = random.next(below: 2) == 0
        switch random.next(below: 5) {
        case 0: outgoing.append("HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\n")
        case 1: outgoing.append("What is this?\r\n\r\n")
        case 2: outgoing.append("HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n")
        case 3: for _ in 0..<120 { outgoing.append("HTTP/1.1 102 Processing\r\n\r\n") }
        default: outgoing.append("HTTP/1.1 200 OK\r\nX: " + String(repeating: "y", count: 70_000))
        }
    }

    private func answer(_ random: inout SplitMix64) {
        guard let id = request else { return }
        hasAnswered = true
        end?.other?.lostSince = nil
        let asked = world.asked[id]
        let token = world.given.count
        self.token = token
        var status = [200, 200, 200, 200, 404, 201, 500][random.next(below: 7)]
        if random.next(below: 20) == 0 { status = [204, 304][random.next(below: 2)] }
        if behaviour == .isBusy { status = 503 }
        if behaviour == .challenges { status = 401 }
        let hasNoBody = asked.method == "HEAD" || status == 204 || status == 304
        let count = status == 204 || status == 304 ? 0 : world.bodySize(&random)
        let style = random.next(below: 8)
        let isChunked = style < 2
        let endsWithConnection = style == 2 && !hasNoBody
        let isHTTP10 = random.next(below: 16) == 0 && !isChunked
        let hasTrailer = isChunked && random.next(below: 3) == 0
        trickles = random.next(below: 10) == 0
        isStream = (isChunked || endsWithConnection) && status != 204 && random.next(below: 5) == 0
        var head = "HTTP/1.\(isHTTP10 ? 0 : 1) \(status) Said\r\nX-Token: \(token)\r\n"
        if behaviour == .challenges { head += "WWW-Authenticate: NTLM\r\n" }
        if isChunked {
            head += "Transfer-Encoding: chunked\r\n"
        } else if !endsWithConnection, status != 204 {
            head += "Content-Length: \(count)\r\n"
        }
        if random.next(below: 10) == 0 {
            head += "Connection: close\r\n"
            closesBehind = true
        } else if isHTTP10 {
            closesBehind = true
        }
        if !closesBehind, !endsWithConnection, random.next(below: 10) == 0 {
            let seconds = random.next(below: 4)
            keeping.promised = seconds
            head += "Keep-Alive: timeout=\(seconds)\r\n"
        }
        if isStream {
            head += "Content-Type: text/event-stream\r\n"
            world.tally.streams += 1
        }
        if random.next(below: 8) == 0 { head += "Access-Control-Allow-Origin: *\r\nVary: Accept\r\n" }
        if random.next(below: 40) == 0 { head += "X-Long: " + String(repeating: "z", count: 5_000) + "\r\n" }
        outgoing.append(head + "\r\n")
        self.endsWithConnection = endsWithConnection
        if endsWithConnection { closesBehind = true }
        bodyStart = outgoing.total
        let seed = GivenResponse.seed(token)
        let breaks = isChunked && !hasNoBody && random.next(below: 10) == 0
        if breaks {
            outgoing.append(String(count + 1, radix: 16) + "\r\n")
            outgoing.append(body: seed, count: count + 1)
            outgoing.append("\r\nzz\r\n")
        } else if !hasNoBody {
            if isChunked {
                let largest = [30, 4_000, 300_000][random.next(below: 3)]
                var sizes = random
                outgoing.append(
                    chunksOf: seed, count: count, trailer: hasTrailer ? "X-Sum: \(token)\r\n" : ""
                ) { 1 + sizes.next(below: largest) }
                random = sizes
            } else {
                outgoing.append(body: seed, count: count)
            }
        }
        world.given.append(
            GivenResponse(
                request: id, status: status, bodyCount: hasNoBody ? 0 : count, hasTrailer: hasTrailer,
                isStream: isStream))
        world.asked[id].answers.append(token)
        if behaviour == .diesWithin {
            lifetime = outgoing.sent + random.next(below: outgoing.total - outgoing.sent)
            diesWithReset = random.next(below: 2) == 0
        }
        if !breaks { responseEnd = outgoing.total }
        if behaviour == .saysMore, !endsWithConnection {
            outgoing.append("HTTP/1.1 200 More\r\nContent-Length: 0\r\n\r\n")
        }
    }

    @discardableResult
    private func write(_ most: Int, _ random: inout SplitMix64) -> Int {
        guard let voice else { return 0 }
        let flushed = voice.flush()
        if voice.isMute, voice.isOpen {
            if voice.isFlushed || flushed < 0 { leave(withReset: diesWithReset) }
            return max(0, flushed)
        }
        let most = min(most, lifetime - outgoing.sent)
        let count = flushed >= 0 && most > 0 && !outgoing.isEmpty ? outgoing.send(most, by: voice) : flushed
        if count < 0, count != -Int(EAGAIN) {
            leave(withReset: true)
            return 0
        }
        noteSent()
        if outgoing.sent >= lifetime {
            if !voice.isFlushed, random.next(below: 3) > 0 { return max(0, count) }
            leave(withReset: diesWithReset)
            return 1
        }
        if hasSent, hasAnswered, !answerIsSent { wasSent(&random) }
        return max(0, count)
    }

    /// A response is sent when the worker can read it.
    private func noteSent() {
        guard let token else { return }
        let count = sentCount
        if count > notedCount { world.given[token].sentAt = network.now }
        notedCount = count
        if count >= responseEnd, !endsWithConnection { world.given[token].isWhole = true }
    }

    /// The response, and what was to be said behind it, is sent.
    private func wasSent(_ random: inout SplitMix64) {
        answerIsSent = true
        if closesBehind || behaviour == .babbles || behaviour == .saysMore {
            // Sometimes somebody else has to notice.
            if closesBehind || random.next(below: 2) == 0 { leave(withReset: false) }
            return
        }
        guard requestIsWhole else {
            if random.next(below: 2) == 0 { leave(withReset: false) }
            return
        }
        exchangeEnded()
    }

    private func exchangeEnded() {
        if behaviour == .challenges, let request { owner = world.asked[request].client }
        keeping.served = request
        request = nil
    }
}
