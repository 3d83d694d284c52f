/// What a process was started with, beside its arguments: who looks after it, what it inherits, and what it is, so that
/// another one like it can be started.
public struct Surroundings: Sendable {
    /// The service manager; nil when nobody wants to know.
    public var supervisor: ServiceSupervisor?
    /// Listening sockets that were there before: from the service manager, or from the process that this one takes over
    /// from. Whoever takes this value has to close those that it does not use.
    public var sockets: [InheritedSocket]
    /// The process that this one takes over from; nil for a process that was started like any other.
    public var takeover: Takeover?
    /// What to start for an upgrade.
    public var program: Program

    public init(
        supervisor: ServiceSupervisor? = nil, sockets: [InheritedSocket] = [], takeover: Takeover? = nil,
        program: Program
    ) {
        self.supervisor = supervisor
        self.sockets = sockets
        self.takeover = takeover
        self.program = program
    }

    /// Those of this process. To be taken once, at its start: what is inherited is taken out of the environment.
    ///
    /// Blocks until the process before has handed over everything, where there is one.
    ///
    /// - Throws: `TakeoverError` or `InheritanceError`. A process that this one should have taken over from has been
    ///   told, and goes on.
    public static func take() throws -> Surroundings {
        let program = Program.current()
        let supervisor = ServiceSupervisor.fromEnvironment()
        if let takeover = try Takeover.fromEnvironment() {
            return Surroundings(
                supervisor: supervisor, sockets: takeover.handover.sockets, takeover: takeover, program: program)
        }
        return Surroundings(
            supervisor: supervisor, sockets: try SocketActivation.takeFromEnvironment(), program: program)
    }
}
