import ApusModel
import ApusTransport
import Synchronization

/// One destination of the access log: takes lines from every worker's ring and sends them there, on a thread of its own.
///
/// Workers never wait for it. When what is behind it is too slow the rings fill up, lines are dropped, and the drops are
/// counted.
final class AccessLogSink: Sendable {
    private enum Outlet: Sendable {
        /// Nil for the standard output, which nobody closes.
        case stream(Int32, path: String?, followsLinks: Bool = true)
        case datagrams(DatagramSender)
    }

    let rings: [ByteRing]
    let destination: AccessLog.Destination
    private let outlet: Outlet
    private let lost: LostLines
    private let tell: @Sendable (AccessLogNews) -> Void
    private let wasReopened = Atomic(false)
    private let trouble = Mutex(AccessLogTrouble())
    private let isStopping = Atomic(false)
    private let thread = Mutex<SystemThread?>(nil)
    private let wake: Mailbox<Void>
    /// Posted to by the thread when it is done.
    private let done: Mailbox<Void>

    /// How long a line waits at most before it is written.
    private static let interval: Int32 = 200
    private static let ringCapacity = 1 << 20
    /// How long what is left may take at the end, in tenths of a second: a disk that does not answer keeps nobody from ending.
    private static let farewell = 10

    /// - Parameters:
    ///   - lost: counts the lines that workers handed over and nobody got.
    ///   - tell: is told when lines begin to be refused or dropped, and when that is over.
    init(
        _ destination: AccessLog.Destination, workers: Int, lost: LostLines,
        tell: @escaping @Sendable (AccessLogNews) -> Void
    ) throws(DataPlaneError) {
        self.destination = destination
        self.lost = lost
        self.tell = tell
        outlet = try Self.open(destination)
        do {
            wake = try Mailbox()
            done = try Mailbox()
        } catch {
            throw .system(call: error.call, errno: error.errno)
        }
        let wake = wake
        rings = (0..<workers).map { _ in ByteRing(capacity: Self.ringCapacity) { wake.post(()) } }
    }

    private static func open(_ destination: AccessLog.Destination) throws(DataPlaneError) -> Outlet {
        let target: DatagramSender.Target
        switch destination {
        case .standardOutput: return .stream(1, path: nil)
        case .file(let path, let followsLinks):
            let result = openLog(path, followsLinks: followsLinks)
            guard result >= 0 else { throw .accessLog(path: path, errno: -result) }
            return .stream(result, path: path, followsLinks: followsLinks)
        case .syslog(let syslog):
            switch syslog.target {
            case .local(let path): target = .path(path)
            case .udp(let address): target = .address(WireAddress(address))
            }
            do {
                return .datagrams(try DatagramSender(target))
            } catch {
                throw .accessLog(path: syslog.target.text, errno: error.errno)
            }
        }
    }

    /// Whether lines for `other` may go the same way.
    func reaches(_ other: AccessLog.Destination) -> Bool {
        switch (destination, other) {
        // Facility and tag are in the lines.
        case (.syslog(let own), .syslog(let other)): own.target == other.target
        default: destination == other
        }
    }

    func start() throws(SystemError) {
        let thread = try SystemThread(name: "apus-log") { [self] in run() }
        self.thread.withLock { $0 = thread }
    }

    /// Opens the file anew, if it is one. When that fails the old one stays in use.
    func reopen() throws(DataPlaneError) {
        guard case .stream(let descriptor, let path?, let followsLinks) = outlet else { return }
        let result = reopenLog(path, followsLinks: followsLinks, behind: descriptor)
        guard result >= 0 else { throw .accessLog(path: path, errno: -result) }
        wasReopened.store(true, ordering: .releasing)
        wake.post(())
    }

    /// Writes what is left and ends; `join` tells when.
    func stop() {
        isStopping.store(true, ordering: .relaxed)
        wake.post(())
    }

    /// Blocks until all is written that could be, for a second or so at most. Call once, after `stop`.
    func join() {
        if let thread = thread.withLock({ $0.take() }) {
            var isDone = false
            for _ in 0..<Self.farewell where !isDone {
                waitUntilReadable(done.descriptor, milliseconds: 100)
                isDone = !done.takeAll().isEmpty
            }
            // A thread that does not come back keeps its file.
            guard isDone else { return }
            thread.join()
        }
        if case .stream(let descriptor, .some, _) = outlet { Socket(descriptor: descriptor).close() }
    }

    private func run() {
        while !isStopping.load(ordering: .relaxed) {
            waitUntilReadable(wake.descriptor, milliseconds: Self.interval)
            _ = wake.takeAll()
            drain()
        }
        // What a reader that has stopped reading does not take now it will never take.
        drain()
        for ring in rings { lose(ring.discard()) }
        done.post(())
    }

    private func drain() {
        switch outlet {
        case .stream(let descriptor, _, _): drain(to: descriptor)
        case .datagrams(let sender):
            sender.begin(rings.reduce(0) { $0 + $1.held })
            for ring in rings { lose(ring.drainLines(to: sender, patience: Self.interval)) }
            note(refusal: 0)
        }
    }

    /// Writes what the rings hold, a line of one never into a line of another.
    private func drain(to descriptor: Int32) {
        if wasReopened.exchange(false, ordering: .acquiring) {
            for ring in rings { lose(ring.dropRestOfLine()) }
        }
        let first = rings.firstIndex { $0.isInsideLine } ?? 0
        var refusal: Int32?
        for index in rings.indices {
            let ring = rings[(first + index) % rings.count]
            let drained = ring.drain(to: descriptor, patience: Self.interval)
            lose(drained.lost)
            if drained.wasTried { refusal = max(refusal ?? 0, drained.refusal) }
            if ring.isInsideLine { break }
        }
        if let refusal { note(refusal: refusal) }
    }

    private func lose(_ lines: Int) {
        guard lines > 0 else { return }
        lost.add(lines)
        trouble.withLock { $0.lost += lines }
    }

    /// Tells what has changed, once.
    private func note(refusal: Int32) {
        let dropped = rings.reduce(0) { $0 + $1.refusedWrites }
        let news = trouble.withLock { $0.news(refusal: refusal, refusedWrites: dropped, now: monotonicMicroseconds()) }
        if let news { tell(AccessLogNews(destination: destination.text, news)) }
    }
}

/// Lines that a sink was given and could not deliver, counted through reloads.
final class LostLines: Sendable {
    private let value = Atomic<UInt64>(0)

    var count: UInt64 { value.load(ordering: .relaxed) }

    func add(_ count: Int) { value.add(UInt64(count), ordering: .relaxed) }
}

extension AccessLog.Destination {
    fileprivate var text: String {
        switch self {
        case .standardOutput: "standard output"
        case .file(let path, _): path
        case .syslog(let syslog): syslog.target.text
        }
    }
}

extension Syslog.Target {
    fileprivate var text: String {
        switch self {
        case .local(let path): path
        case .udp(let address): "\(address)"
        }
    }
}
