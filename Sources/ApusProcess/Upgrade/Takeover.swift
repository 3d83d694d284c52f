import CApusSystem
import Dispatch
import Glibc

/// The process before this one, as this one sees it, when it was started to take over (`Successor` is the other side).
///
/// ```swift
/// let takeover = try Takeover.fromEnvironment()        // nil: started like any other program
/// // Read the configuration; bind what is not among takeover.handover.sockets; start. When something fails:
/// takeover.decline(because: "...")                     // and exit: the process before goes on
/// try takeover.ready()                                 // from now on this process is the one
/// await takeover.waitForRelease()                      // then bind what only one process can have
/// ```
public final class Takeover: Sendable {
    /// What it left.
    public let handover: Handover
    private let connection: MessageSocket

    private init(connection: MessageSocket, handover: Handover) {
        self.connection = connection
        self.handover = handover
    }

    deinit { connection.close() }

    /// Takes what the process before hands over; nil when this process was not started to take over.
    ///
    /// Blocks until all has come, for `patience` at most. The variable is taken out of the environment, so that only the
    /// first call finds it.
    ///
    /// - Throws: `TakeoverError`. The process before has been told, and goes on.
    public static func fromEnvironment(patience: Duration = .seconds(10)) throws(TakeoverError) -> Takeover? {
        guard let text = environmentVariable(Successor.variable) else { return nil }
        _ = unsafe unsetenv(Successor.variable)
        guard let descriptor = Int32(text), descriptor > 2, apus_close_on_exec(descriptor, 1) == 0 else {
            throw .notASuccessor(text)
        }
        return try Takeover(over: MessageSocket(descriptor: descriptor), patience: patience)
    }

    convenience init(over connection: MessageSocket, patience: Duration) throws(TakeoverError) {
        do throws(TakeoverError) {
            let handover = try Self.receive(over: connection, by: monotonicMicroseconds() + patience.microseconds)
            self.init(connection: connection, handover: handover)
        } catch {
            Self.say(.failed("\(error)"), over: connection)
            connection.close()
            throw error
        }
    }

    private static func receive(over connection: MessageSocket, by deadline: Int64) throws(TakeoverError) -> Handover {
        var assembly = HandoverAssembly()
        do {
            while !assembly.isComplete {
                let (message, descriptors) = try connection.receive(by: deadline)
                do {
                    try assembly.add(message, descriptors: descriptors)
                } catch {
                    for descriptor in descriptors { _ = close(descriptor) }
                    throw error
                }
            }
        } catch {
            for socket in assembly.handover.sockets { _ = close(socket.descriptor) }
            switch error {
            case let error as TakeoverError: throw error
            case MessageSocketError.ended: throw .abandoned
            case MessageSocketError.timedOut: throw .incomplete
            case MessageSocketError.system(let errno): throw .system(errno)
            default: throw .misunderstood
            }
        }
        return assembly.handover
    }

    /// Tells the process before that this one serves. That one stops accepting then.
    ///
    /// - Throws: `TakeoverError.abandoned` when it did not wait so long, and goes on: this process is to end.
    public func ready() throws(TakeoverError) {
        do throws(MessageSocketError) {
            try connection.send(.ready, by: monotonicMicroseconds() + 1_000_000)
        } catch {
            throw .abandoned
        }
    }

    /// Tells the process before why this one cannot serve, in words for whoever asked for the upgrade.
    public func decline(because words: String) { Self.say(.failed(words), over: connection) }

    /// Returns when the process before has let go of what only one process can have (the address of the admin server),
    /// or has ended; after `patience` at the latest.
    public func waitForRelease(patience: Duration = .seconds(10)) async {
        let deadline = monotonicMicroseconds() + patience.microseconds
        await withCheckedContinuation { continuation in
            DispatchQueue(label: "apus.takeover").async { [connection] in
                _ = connection.waitForEnd(by: deadline)
                continuation.resume()
            }
        }
    }

    private static func say(_ message: UpgradeMessage, over connection: MessageSocket) {
        // Who no longer listens does not wait for it either.
        try? connection.send(message, by: monotonicMicroseconds() + 1_000_000)
    }
}

/// Why this process cannot take over from the one before it.
public enum TakeoverError: Error, Equatable, CustomStringConvertible {
    /// The variable is set, but not by another Apus.
    case notASuccessor(String)
    /// The one before speaks another version of the protocol.
    case otherVersion(Int)
    case misunderstood
    /// The one before has ended, or waits no longer.
    case abandoned
    /// It did not hand over everything in time.
    case incomplete
    case system(Int32)

    public var description: String {
        switch self {
        case .notASuccessor(let text):
            "\(Successor.variable) is \"\(text)\", which is no connection to a running Apus. It is set by an upgrade: "
                + "unset it when you start Apus by hand."
        case .otherVersion(let version):
            "the running process hands over in version \(version) of the protocol, but this one knows version "
                + "\(UpgradeMessage.version) only. Restart instead of upgrading."
        case .misunderstood: "the running process said something that this one does not understand. Restart instead."
        case .abandoned: "the running process has ended, or no longer waits for this one."
        case .incomplete: "the running process did not hand over everything in time."
        case .system(let errno): "the connection to the running process broke: \(systemText(errno))."
        }
    }
}
