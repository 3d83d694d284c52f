import CApusSystem
import Dispatch
import Synchronization

/// The process that takes over from this one, as this one sees it: started, handed the listening sockets, and ready.
///
/// An upgrade, from the old process's side:
///
/// ```swift
/// let successor = try await Successor.start(program, handing: handover)
/// supervisor?.tell(.mainProcess(successor.process))
/// // Close the admin server and whatever else only one process can have, then:
/// successor.release()
/// // Stop accepting, leave the queues to the successor, finish what is in flight, exit.
/// ```
///
/// Until `start` returns nothing has changed for this process: if it throws, this one goes on as before.
public final class Successor: Sendable {
    /// Its process number.
    public var process: Int32 { started.number }
    let started: StartedProcess
    private let connection: Mutex<MessageSocket?>

    /// The variable that tells a process that it is a successor: the descriptor of the socket to the one before it.
    static let variable = "APUS_TAKE_OVER"
    /// Variables that are meant for one process alone.
    private static let ownVariables = ["LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES", "WATCHDOG_PID", variable]

    private init(_ started: StartedProcess, connection: MessageSocket) {
        self.started = started
        self.connection = Mutex(connection)
    }

    /// Starts `program`, hands it everything, and returns when it is ready to serve.
    ///
    /// It gets this process's standard streams and environment, and nothing else but what is handed over. If it is not
    /// ready within `patience`, it is ended.
    ///
    /// - Parameter kinship: `sibling` where a service manager is told of it.
    /// - Throws: `UpgradeError`; the program does not run then.
    public static func start(
        _ program: Program, handing handover: Handover, as kinship: Kinship = .child,
        patience: Duration = .seconds(30)
    ) async throws(UpgradeError) -> Successor {
        let result: Result<Successor, UpgradeError> = await withCheckedContinuation { continuation in
            // Waiting for another process would keep a thread of Swift's own pool from everybody else.
            DispatchQueue(label: "apus.upgrade").async {
                do throws(UpgradeError) {
                    continuation.resume(returning: .success(try startAndWait(program, handover, kinship, patience)))
                } catch {
                    continuation.resume(returning: .failure(error))
                }
            }
        }
        return try result.get()
    }

    /// Closes the connection, by which the successor learns that whatever only one process can have is free now.
    public func release() {
        connection.withLock { connection in
            connection?.close()
            connection = nil
        }
    }

    deinit {
        release()
        started.close()
    }

    private static func startAndWait(
        _ program: Program, _ handover: Handover, _ kinship: Kinship, _ patience: Duration
    ) throws(UpgradeError) -> Successor {
        var program = program
        if program.environment.isEmpty { program.environment = Program.currentEnvironment() }
        program.environment.removeAll { entry in ownVariables.contains { entry.hasPrefix("\($0)=") } }
        program.environment.append("\(variable)=\(Program.handedDescriptor)")
        let deadline = monotonicMicroseconds() + patience.microseconds
        let (process, connection) = try start(program, kinship)
        give(handover, over: connection, by: deadline)
        let answer = answer(over: connection, by: deadline)
        guard answer == .ready else {
            connection.close()
            defer { process.close() }
            throw error(for: answer, process, patience)
        }
        return Successor(process, connection: connection)
    }

    /// What kept the process from taking over; it has ended then.
    private static func error(for answer: Answer, _ process: StartedProcess, _ patience: Duration) -> UpgradeError {
        switch answer {
        case .failed(let words):
            _ = process.end()
            return .declined(words)
        case .late:
            _ = process.end(patience: .zero)
            return .notReady(patience)
        case .ended, .ready: return .died(process.end())
        }
    }

    /// The process, and our end of the connection to it.
    private static func start(
        _ program: Program, _ kinship: Kinship
    ) throws(UpgradeError) -> (StartedProcess, MessageSocket) {
        let (own, other): (MessageSocket, MessageSocket)
        do throws(MessageSocketError) {
            (own, other) = try MessageSocket.pair()
        } catch {
            throw .noConnection
        }
        // With our copy of the other end gone, the connection ends when the process does.
        defer { other.close() }
        do throws(UpgradeError) {
            return (try program.start(handing: other.descriptor, kinship), own)
        } catch {
            own.close()
            throw error
        }
    }

    /// A process that does not listen any more has something to say, or has ended: its answer tells.
    private static func give(_ handover: Handover, over connection: MessageSocket, by deadline: Int64) {
        for (message, descriptors) in handover.messages {
            do throws(MessageSocketError) {
                try connection.send(message, descriptors: descriptors, by: deadline)
            } catch {
                return
            }
        }
    }

    enum Answer: Equatable {
        case ready
        case failed(String)
        /// The connection ended, or made no sense.
        case ended
        case late
    }

    static func answer(over connection: MessageSocket, by deadline: Int64) -> Answer {
        do throws(MessageSocketError) {
            return Answer(try connection.receive(by: deadline))
        } catch .timedOut {
            // It may say `ready` at this moment. Either that has come, or it is told that it came too late.
            connection.stopReceiving()
            let last = try? connection.receiveNow()
            return last.map(Answer.init) ?? .late
        } catch {
            return .ended
        }
    }
}

extension Successor.Answer {
    fileprivate init(_ received: (UpgradeMessage, descriptors: [Int32])) {
        for descriptor in received.descriptors { _ = close(descriptor) }
        switch received.0 {
        case .ready: self = .ready
        case .failed(let words): self = .failed(words)
        case .begin, .sockets, .state: self = .ended
        }
    }
}
