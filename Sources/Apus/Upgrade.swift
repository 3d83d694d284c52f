import ApusControl
import ApusProcess
import ApusProxy
import ApusTLS
import Logging
import Synchronization

/// The handing over of this process's listeners to its successor.
///
/// It begins when somebody asks for it, and nothing changes until the successor serves. From then on this process ends:
/// first it lets go of what only one process can have, then of its clients, one by one.
final class Upgrade: Sendable {
    private let dataPlane: DataPlane
    private let configuration: RunningConfiguration
    private let tickets: TicketKeys
    private let program: Program?
    private let supervisor: ServiceSupervisor?
    private let logger: Logger
    private let state = Mutex(State.idle)
    /// Opens when a successor serves.
    let handedOver = Latch()

    private enum State {
        case idle, starting
        case done(Successor)
    }

    init(
        _ dataPlane: DataPlane, _ configuration: RunningConfiguration, _ tickets: TicketKeys,
        _ surroundings: Surroundings?, logger: Logger
    ) {
        self.tickets = tickets
        self.dataPlane = dataPlane
        self.configuration = configuration
        program = surroundings?.program
        supervisor = surroundings?.supervisor
        self.logger = logger
    }

    /// Whether this process has a successor.
    var isDone: Bool { if case .done = state.withLock({ $0 }) { true } else { false } }

    func begin(_ binary: String?) async throws -> Int32 {
        guard var program else { throw UpgradeRefusal.notPossible }
        if let binary { program.path = binary }
        let mayBegin = state.withLock { state in
            guard case .idle = state else { return false }
            state = .starting
            return true
        }
        guard mayBegin else { throw UpgradeRefusal.underWay }
        logger.notice("upgrade: starting \(program.path)")
        do {
            let successor = try await start(program)
            state.withLock { $0 = .done(successor) }
            // And that it is well: what it says by itself counts from now on only, and may come half an interval later.
            supervisor?.tell(.mainProcess(successor.process), .alive)
            logger.notice("upgrade: process \(successor.process) has taken over; finishing what is in flight")
            handedOver.open()
            return successor.process
        } catch {
            state.withLock { $0 = .idle }
            logger.error("upgrade: \(error)")
            throw error
        }
    }

    /// Tells the successor that this process has let go of the admin server's address.
    func release() {
        if case .done(let successor) = state.withLock({ $0 }) { successor.release() }
    }

    /// Starts the successor; nothing that it is told of changes meanwhile.
    private func start(_ program: Program) async throws -> Successor {
        let tickets = tickets
        let (dataPlane, kinship) = (dataPlane, supervisor == nil ? Kinship.child : .sibling)
        return try await configuration.handOver { revision, state in
            guard let copies = try dataPlane.copyListeningSockets() else { throw UpgradeRefusal.ending }
            let sockets = copies.map { InheritedSocket(descriptor: $0.descriptor, address: $0.address) }
            defer { for socket in sockets { socket.close() } }
            var state = state
            state.ticketKeys = tickets.all.map(\.bytes)
            return try await Successor.start(
                program,
                handing: Handover(sockets: sockets, revision: UInt64(revision.number), state: state.encoded),
                as: kinship)
        }
    }
}

/// Why an upgrade did not begin.
enum UpgradeRefusal: Error, CustomStringConvertible {
    case notPossible
    case underWay
    case ending

    var description: String {
        switch self {
        case .notPossible: "this balancer is part of another program, which has to be upgraded as a whole"
        case .underWay: "an upgrade is under way already"
        case .ending: "this process is ending"
        }
    }
}

/// Something that happens once, and that many may wait for.
final class Latch: Sendable {
    private let state = Mutex<(isOpen: Bool, waiting: [Int: CheckedContinuation<Void, Never>], next: Int)>(
        (false, [:], 0))

    func open() {
        let waiting = state.withLock { state in
            state.isOpen = true
            defer { state.waiting = [:] }
            return state.waiting
        }
        for continuation in waiting.values { continuation.resume() }
    }

    var isOpen: Bool { state.withLock { $0.isOpen } }

    /// Returns when it is open, or the task is cancelled.
    func wait() async {
        let number = state.withLock { state in
            state.next += 1
            return state.next
        }
        await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let isOver = state.withLock { state in
                    guard !state.isOpen, !Task.isCancelled else { return true }
                    state.waiting[number] = continuation
                    return false
                }
                if isOver { continuation.resume() }
            }
        } onCancel: {
            state.withLock { $0.waiting.removeValue(forKey: number) }?.resume()
        }
    }
}
