import NIOPosix

/// The event loop of all control planes in this process: it carries probes and admin servers.
///
/// It is never shut down. What ran on it is over when a balancer returns, but an admin server lets go of the last of it a
/// moment later, in a task that nobody can wait for, and NIO ends the process where something is put on a loop that is gone.
enum ControlLoop {
    static let shared = MultiThreadedEventLoopGroup(numberOfThreads: 1)
}
