import ApusBalancing
import ApusTransport
import Glibc

/// A network in memory with a clock of its own, for the worker of a test: sockets, pipes and epoll as Linux has them.
///
/// Time passes only in a wait that finds nothing, and where the test says so. Descriptors are never used twice, so that each
/// use of one that was closed is noticed (`faults`).
final class MemoryNetwork: ScriptedNetwork {
    enum Descriptor {
        case connection(End)
        case door(Door)
        case pipe(MemoryPipe)
        case spare
    }

    /// What becomes of a connection that the worker opens.
    enum Reception {
        case accept(after: Int64)
        case refuse(after: Int64)
        case refuseAtOnce(errno: Int32)
        /// Nothing is ever heard.
        case silence
    }

    var now: Int64 = 1_000_000_000
    /// How long the next wait may last if nothing happens.
    var patience: Int64 = 0
    /// Descriptors that there may be.
    var descriptorLimit = Int.max
    /// What every send fails with; 0 for none.
    var sendError: Int32 = 0
    /// What the next send alone fails with.
    var nextSendError: Int32 = 0
    /// What happens as soon as the next send of the worker is over.
    var afterNextSend: (() -> Void)?
    /// Some waits report less than there is.
    var splitsTurns = true
    /// Of so many sends one fails for want of memory; 0 for none.
    var failsSend = 0
    private(set) var hasFailedSend = false
    /// What every connect fails with; 0 for none.
    var connectError: Int32 = 0
    /// When a connection last failed for that error of this machine.
    private(set) var lackedAt: [Int32: Int64] = [:]
    /// The same of connections for which there was no descriptor or no port.
    private(set) var lackedPlaceAt: Int64 = 0
    /// Connections that the worker has begun to open.
    private(set) var openedCount = 0
    /// When the worker's present turn began, and the one before.
    private(set) var turnedAt: Int64 = 0
    private(set) var turnedBefore: Int64 = 0
    /// Of so many registrations one fails; 0 for none.
    var failsRegistration = 0
    var random: SplitMix64
    var isMailWaiting = false
    /// Half of all resets overtake some of what was sent before them.
    var resetsOvertake = true
    /// Of the sockets' buffers, one of these.
    var capacities = [2_048, 16_384, 65_536, 262_144, 1 << 20, 1 << 20]
    private(set) var faults: [String] = []
    private(set) var descriptors: [Int32: Descriptor] = [:]
    private(set) var doors: [UInt16: Door] = [:]
    /// Decides about a connection to an origin at that port, and gets the origin's end.
    var reception: (UInt16) -> Reception = { _ in .silence }
    var connected: (UInt16, End) -> Void = { _, _ in }
    /// Of the descriptors, those of connections and of pipes.
    private(set) var connectionCount = 0
    private(set) var pipeEndCount = 0
    /// Events reported by the latest wait.
    private(set) var reported = 0
    private var nextDescriptor: Int32 = 1 << 24
    private var queue: [(entry: Entry, end: End)] = []
    private var mailbox: Entry?
    private var later: [(time: Int64, run: () -> Void)] = []

    init(seed: UInt64) { random = SplitMix64(seed: seed) }

    func fault(_ text: String) { if faults.count < 20 { faults.append(text) } }

    // MARK: - Time

    var monotonicMicroseconds: Int64 { now }
    var wallClockMicroseconds: Int64 { 1_767_225_600_000_000 + now }

    func run(after time: Int64, _ body: @escaping () -> Void) {
        let time = now + time
        let place = later.firstIndex { $0.time > time } ?? later.count
        later.insert((time, body), at: place)
    }

    private func runDue() {
        while let first = later.first, first.time <= now {
            later.removeFirst()
            first.run()
        }
    }

    func wait(milliseconds: Int32, capacity: Int) -> [Poller.Event] {
        runDue()
        var events = collect(capacity)
        if events.isEmpty, milliseconds != 0 {
            var time = now + patience
            if milliseconds > 0 { time = min(time, now + Int64(milliseconds) * 1_000) }
            if let first = later.first { time = min(time, max(now, first.time)) }
            now = time
            runDue()
            events = collect(capacity)
        }
        reported = events.count
        (turnedBefore, turnedAt) = (turnedAt, now)
        return events
    }

    /// Whether the worker's next wait would report something.
    var hasNews: Bool {
        isMailWaiting || !queue.isEmpty || doors.values.contains { $0.entry != nil && !$0.waiting.isEmpty }
    }

    /// Whether somebody waits to be accepted, also where the worker does not look at present.
    var hasBacklog: Bool { doors.values.contains { !$0.waiting.isEmpty } }

    private func collect(_ capacity: Int) -> [Poller.Event] {
        // The rest happens while these are seen to.
        let most = splitsTurns && random.next(below: 4) == 0 ? 1 + random.next(below: capacity) : capacity
        var events: [Poller.Event] = []
        if isMailWaiting, let mailbox {
            isMailWaiting = false
            events.append(Poller.Event(token: mailbox.token, isReadable: true))
        }
        for port in doors.keys.sorted() {
            guard let door = doors[port], let entry = door.entry, !door.waiting.isEmpty, events.count < most else {
                continue
            }
            events.append(Poller.Event(token: entry.token, isReadable: true))
        }
        var taken = 0
        while taken < queue.count, events.count < most {
            let (entry, end) = queue[taken]
            taken += 1
            entry.isQueued = false
            if let event = end.event(entry.token) { events.append(event) }
        }
        queue.removeFirst(taken)
        return events
    }

    // MARK: - Descriptors

    private func add(_ descriptor: Descriptor) -> Int {
        guard descriptors.count < descriptorLimit else { return -Int(EMFILE) }
        nextDescriptor += 1
        descriptors[nextDescriptor] = descriptor
        switch descriptor {
        case .connection: connectionCount += 1
        case .pipe: pipeEndCount += 1
        case .door, .spare: break
        }
        return Int(nextDescriptor)
    }

    private func end(_ descriptor: Int32, _ use: String) -> End? {
        if case .connection(let end) = descriptors[descriptor] { return end }
        fault("\(use) of descriptor \(descriptor), which is \(descriptors[descriptor] == nil ? "closed" : "no socket")")
        return nil
    }

    private func door(_ descriptor: Int32, _ use: String) -> Door? {
        if case .door(let door) = descriptors[descriptor] { return door }
        fault(
            "\(use) of descriptor \(descriptor), which is \(descriptors[descriptor] == nil ? "closed" : "no listener")")
        return nil
    }

    func close(_ descriptor: Int32) {
        switch descriptors.removeValue(forKey: descriptor) {
        case nil: fault("close of descriptor \(descriptor), which is closed")
        case .connection(let end):
            connectionCount -= 1
            end.entry = nil
            queue.removeAll { $0.end === end }
            close(end)
        case .door(let door):
            if doors[door.port] === door { doors[door.port] = nil }
            for (end, _) in door.waiting { if let other = end.other { reset(other) } }
        case .pipe: pipeEndCount -= 1
        case .spare: break
        }
    }

    func openSpareDescriptor() -> Int { add(.spare) }

    func register(_ descriptor: Int32, token: UInt64, isLevel: Bool) -> Int {
        let entry = Entry(token: token, isLevel: isLevel)
        switch descriptors[descriptor] {
        case .connection(let end):
            if end.entry != nil { fault("descriptor \(descriptor) was registered twice") }
            if failsRegistration > 0, random.next(below: failsRegistration) == 0 {
                lackedAt[EMFILE] = now
                return -Int(ENOSPC)
            }
            end.entry = entry
            // What is there already is an event as well.
            wake(end)
        case .door(let door):
            if door.entry != nil { fault("listener \(descriptor) was registered twice") }
            door.entry = entry
        case nil where token == 0xffff_ffff: mailbox = entry
        default: fault("registration of descriptor \(descriptor)")
        }
        return 0
    }

    /// Something has happened at that end, if it is the worker's.
    func wake(_ end: End) {
        guard let entry = end.entry, !entry.isQueued else { return }
        entry.isQueued = true
        queue.append((entry, end))
    }

    func unregister(_ descriptor: Int32) { door(descriptor, "removal")?.entry = nil }

    // MARK: - Connections

    /// A listening socket of the worker.
    func open(port: UInt16, limit: Int = 64) -> Int32 {
        let door = Door(port: port, limit: limit)
        doors[port] = door
        nextDescriptor += 1
        descriptors[nextDescriptor] = .door(door)
        return nextDescriptor
    }

    /// A client's end of a new connection; nil when nobody listens, or too many wait.
    func connect(toPort port: UInt16, from peer: WireAddress) -> End? {
        guard let door = doors[port], door.waiting.count < door.limit else { return nil }
        let (worker, client) = End.pair(.established, capacities: (capacity(), capacity()))
        door.waiting.append((worker, peer))
        return client
    }

    private func capacity() -> Int { capacities[random.next(below: capacities.count)] }

    func accept(from listener: Int32, peer: inout WireAddress) -> Int {
        guard let door = door(listener, "accept") else { return -Int(EBADF) }
        guard descriptors.count < descriptorLimit else { return -Int(EMFILE) }
        guard !door.waiting.isEmpty else { return -Int(EAGAIN) }
        let (end, address) = door.waiting.removeFirst()
        peer = address
        return add(.connection(end))
    }

    func acceptQueueLength(_ listener: Int32) -> Int { door(listener, "look at queue")?.waiting.count ?? 0 }

    func connect(to address: WireAddress) -> Int {
        guard descriptors.count < descriptorLimit else { return lack(EMFILE) }
        if connectError != 0 { return lack(connectError) }
        let reception = reception(address.port)
        if case .refuseAtOnce(EADDRNOTAVAIL) = reception { return lack(EADDRNOTAVAIL) }
        openedCount += 1
        if case .refuseAtOnce(let errno) = reception { return -Int(errno) }
        let (worker, origin) = End.pair(.connecting, capacities: (capacity(), capacity()))
        switch reception {
        case .accept(let time): run(after: time) { [unowned self] in establish(worker, origin, address.port) }
        case .refuse(let time): run(after: time) { [unowned self] in fail(worker, ECONNREFUSED) }
        case .refuseAtOnce, .silence: break
        }
        return add(.connection(worker))
    }

    /// This machine lacks something for a connection.
    private func lack(_ errno: Int32) -> Int {
        lackedAt[errno] = now
        if errno == EMFILE || errno == EADDRNOTAVAIL { lackedPlaceAt = now }
        return -Int(errno)
    }

    private func establish(_ worker: End, _ origin: End, _ port: UInt16) {
        guard !worker.isClosed else { return }
        worker.phase = .established
        origin.phase = .established
        wake(worker)
        connected(port, origin)
    }

    private func fail(_ end: End, _ error: Int32) {
        guard !end.isClosed else { return }
        end.error = error
        end.isDead = true
        wake(end)
    }

    func localAddress(_ descriptor: Int32) -> WireAddress {
        _ = end(descriptor, "address")
        return WireAddress(high: 0, low: 0xffff_7f00_0001, port: 80)
    }

    func pendingError(_ descriptor: Int32) -> Int32 {
        guard let end = end(descriptor, "error") else { return EBADF }
        defer { end.error = 0 }
        return end.error
    }

    /// Whether there is a local address for connections to origins.
    var hasAddress = true

    func reaches(_ address: WireAddress) -> Bool { hasAddress }

    func silence(_ descriptor: Int32) -> Int32 {
        guard let end = end(descriptor, "silence"), let since = end.lostSince else { return -1 }
        return Int32(truncatingIfNeeded: (now - since) / 1_000)
    }

    func shutdownWriting(_ descriptor: Int32) { if let end = end(descriptor, "shutdown") { finish(end) } }

    func resetOnClose(_ descriptor: Int32) {
        guard let end = end(descriptor, "reset"), let other = end.other else { return }
        reset(other)
    }

    // MARK: - Pipes

    func makePipe() -> (readEnd: Int32, writeEnd: Int32)? {
        guard descriptors.count + 2 <= descriptorLimit else { return nil }
        let pipe = MemoryPipe(capacity: random.next(below: 4) == 0 ? 65_536 : 262_144)
        return (Int32(add(.pipe(pipe))), Int32(add(.pipe(pipe))))
    }

    func splice(from source: Int32, to target: Int32, _ count: Int) -> Int {
        switch (descriptors[source], descriptors[target]) {
        case (.connection(let end), .pipe(let pipe)):
            if end.inbox.isEmpty { return nothingToReceive(end) }
            // A pipe has places for packets, not for bytes: it may be full with few.
            var most = min(count, end.inbox.count, pipe.capacity - pipe.bytes.count)
            guard most > 0 else { return -Int(EAGAIN) }
            if random.next(below: 3) == 0 { most = 1 + random.next(below: most) }
            end.inbox.move(most, to: &pipe.bytes)
            end.readAt = now
            madeRoom(end)
            return most
        case (.pipe(let pipe), .connection(let end)):
            let most = min(count, pipe.bytes.count)
            guard most > 0 else {
                fault("splice from an empty pipe")
                return -Int(EAGAIN)
            }
            let sent = pipe.bytes.withFirst(most) { send($0, from: end) }
            if sent > 0 { pipe.bytes.drop(sent) }
            return sent
        default:
            fault("splice from \(source) to \(target)")
            return -Int(EBADF)
        }
    }

    // MARK: - Bytes

    func receive(from descriptor: Int32, into bytes: inout MutableSpan<UInt8>) -> Int {
        guard let end = end(descriptor, "read") else { return -Int(EBADF) }
        return bytes.withUnsafeMutableBytes { receive(into: $0, at: end) }
    }

    func send(_ bytes: Span<UInt8>, to descriptor: Int32) -> Int {
        guard let end = end(descriptor, "write") else { return -Int(EBADF) }
        if sendError != 0 { return -Int(sendError) }
        if nextSendError != 0 {
            defer { nextSendError = 0 }
            return -Int(nextSendError)
        }
        if failsSend > 0, random.next(below: failsSend) == 0 {
            hasFailedSend = true
            return -Int(random.next(below: 2) == 0 ? ENOMEM : ENOBUFS)
        }
        let sent = bytes.withUnsafeBytes { send($0, from: end) }
        if let next = afterNextSend {
            afterNextSend = nil
            next()
        }
        return sent
    }
}
