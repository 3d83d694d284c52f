import ArgumentParser
import Dispatch
import Synchronization

/// Where the program begins: on the process's first thread, and with no other.
///
/// `apus run` needs it so: it may have to become another user, which Linux does thread by thread. So the command line is
/// read and `run` begins before Swift's pool of threads does; what is asynchronous is waited for here.
@main
enum EntryPoint {
    static func main() {
        // Swift reads the command line from there.
        guard !CommandLine.arguments.isEmpty else {
            complain("cannot read its own command line: there is no /proc. Mount it: `mount -t proc proc /proc`")
            ApusCommand.exit(withError: ExitCode.unavailable)
        }
        do {
            var command = try ApusCommand.parseAsRoot()
            guard command is any AsyncParsableCommand else { return try command.run() }
            // It reads the command line again: a command cannot be handed to another thread.
            try waiting { await ApusCommand.main() }
        } catch {
            ApusCommand.exit(withError: error)
        }
    }
}

/// Runs `body` on Swift's pool of threads and waits for it. For the process's first thread alone, which is not of the
/// pool.
func waiting(for body: sending @escaping () async throws -> Void) throws {
    let ending = Mutex<(any Error)?>(nil)
    let semaphore = DispatchSemaphore(value: 0)
    Task {
        do {
            try await body()
        } catch {
            ending.withLock { $0 = error }
        }
        semaphore.signal()
    }
    semaphore.wait()
    if let error = ending.withLock({ $0 }) { throw error }
}
