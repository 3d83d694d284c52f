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
    /// What was opened to take the place of the file, for the thread that writes; -1 for nothing.
    private let newFile = Atomic<Int32>(-1)
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
    ///   - tell: is told when lines begin to be refused or dropped, and when that is over; on the sink's thread.
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
    ///
    /// The thread that writes puts it in the old one's place: between two writes, and not in the middle of one.
    func reopen() throws(DataPlaneError) {
        guard case .stream(_, let path?, let followsLinks) = outlet else { return }
        let file = openLog(path, followsLinks: followsLinks)
        guard file >= 0 else { throw .accessLog(path: path, errno: -file) }
        closeNewFile(newFile.exchange(file, ordering: .acquiringAndReleasing))
        wake.post(())
    }

    /// Closes one that has taken nobody's place.
    private func closeNewFile(_ file: Int32) {
        if file >= 0 { Socket(descriptor: file).close() }
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
        closeNewFile(newFile.exchange(-1, ordering: .acquiringAndReleasing))
        if case .stream(let descriptor, .some, _) = outlet { Socket(descriptor: descriptor).close() }
    }

    /// What the thread knows of what it has written.
    private struct Progress {
        /// It has looked at how the file ends.
        var knowsEnd = false
        /// The file ends within a line that nobody completes: a process that ended before may have left it so.
        var brokenLine = false
        /// The ring whose turn it is to be written first.
        var turn = 0
    }

    private func run() {
        var progress = Progress()
        while !isStopping.load(ordering: .relaxed) {
            waitUntilReadable(wake.descriptor, milliseconds: Self.interval)
            _ = wake.takeAll()
            note(drain(&progress))
        }
        // What a reader that has stopped reading does not take now it will never take.
        var drained = drain(&progress)
        for ring in rings { drained.lost += ring.discard() }
        note(drained, isLast: true)
        done.post(())
    }

    private func drain(_ progress: inout Progress) -> Drained {
        switch outlet {
        case .stream(let descriptor, _, _): return drain(to: descriptor, &progress)
        case .datagrams(let sender):
            sender.begin(rings.reduce(0) { $0 + $1.held })
            var drained = Drained()
            for ring in rings { drained.add(ring.drainLines(to: sender, patience: patience(after: drained))) }
            return drained
        }
    }

    /// Writes what the rings hold, a line of one never into a line of another.
    private func drain(to descriptor: Int32, _ progress: inout Progress) -> Drained {
        let file = newFile.exchange(-1, ordering: .acquiringAndReleasing)
        if file >= 0 {
            exchangeLog(behind: descriptor, for: file)
            progress.knowsEnd = false
            let rests = rings.reduce(0) { $0 + $1.dropRestOfLine() }
            if rests > 0 { lose(rests, .reopened) }
        }
        guard rings.contains(where: { $0.held > 0 }) else { return Drained() }
        if !progress.knowsEnd {
            progress.knowsEnd = true
            progress.brokenLine = endsInsideLine(descriptor)
        }
        let first = rings.firstIndex { $0.isInsideLine } ?? progress.turn
        progress.turn = (first + 1) % rings.count
        var drained = Drained()
        for index in rings.indices {
            let ring = rings[(first + index) % rings.count]
            drained.add(
                ring.drain(to: descriptor, patience: patience(after: drained), after: &progress.brokenLine))
            if ring.isInsideLine { break }
        }
        return drained
    }

    /// How long to wait for a reader, in milliseconds: who does not read one ring's lines does not read another's.
    private func patience(after drained: Drained) -> Int32 { drained.refusal == .unread ? 0 : Self.interval }

    private func lose(_ lines: Int, _ cause: AccessLogNews.DropCause? = nil) {
        lost.add(lines)
        trouble.withLock { $0.lose(lines, cause) }
    }

    /// Tells what has changed, once.
    private func note(_ drained: Drained, isLast: Bool = false) {
        if drained.lost > 0 { lose(drained.lost) }
        let dropped = rings.reduce(0) { $0 + $1.refusedWrites }
        let news = trouble.withLock {
            $0.news(drained, refusedWrites: dropped, now: monotonicMicroseconds(), isLast: isLast)
        }
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
