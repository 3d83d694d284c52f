import ApusModel
import ApusTransport

/// Messages: what the control plane and the other workers tell this one, between two events.
extension Worker {
    /// Takes what has come by the mailbox.
    mutating func hearAll(_ hand: inout RequestInHand, _ arena: inout BufferArena) {
        for message in proxy.neighbours.mailbox.takeAll() { hear(message, &hand, &arena) }
    }

    private mutating func hear(
        _ message: WorkerMessage, _ hand: inout RequestInHand, _ arena: inout BufferArena
    ) {
        switch message {
        case .adopt(let adoption): adopt(adoption, &hand, &arena)
        case .census(let taking): taking.report(proxy.census())
        case .drain(let time, let isHandingOver): drain(within: time, isHandingOver: isHandingOver, &arena)
        case .answer(let countdown): countdown.arrive()
        case .stop: isStopped = true
        case .decided(let decision, let exchange, let number):
            proxy.hear(decision, exchange: exchange, number: number, &hand, &arena)
        case .origins(let message): proxy.hear(message)
        case .shake(let connection): proxy.connections.resume(connection)
        case .giveUpIdle: while proxy.makeRoomForClient(&arena) {}
        }
    }

    /// Accepts nothing more, and ends when nothing is left or the time is over.
    private mutating func drain(within time: Int64, isHandingOver: Bool, _ arena: inout BufferArena) {
        guard !proxy.clients.areLeaving else { return }
        proxy.clients.deadline = proxy.now + time
        for place in doors.listeners.indices { close(place, acceptingQueue: !isHandingOver, &arena) }
        proxy.dismissIdleClients(of: nil, &arena)
        // Wakes the loop in time even when nothing else does.
        proxy.schedule.timers.schedule(Schedule.wakeToken, at: proxy.clients.deadline)
    }

    /// Nobody must wait for a worker that has ended.
    mutating func answerTheLast() {
        for message in proxy.neighbours.mailbox.takeAll() {
            switch message {
            case .adopt(let adoption): adoption.arrivals.arrive()
            case .census(let taking): taking.report(Census())
            case .answer(let countdown): countdown.arrive()
            default: break
            }
        }
    }
}
