import Foundation

/// An origin of the demo, running as a child process.
final class DemoOrigin {
    let name: String
    let port: Int
    let delay: Int
    private let process = Process()
    /// Held open for as long as this process lives; the child ends when it closes.
    private let lifeline = Pipe()
    private let output = Pipe()

    var processIdentifier: Int32 { process.processIdentifier }

    /// The command that starts this origin by hand.
    func command(_ program: String) -> String {
        "\(program) demo-origin --port \(port) --name \(name) --delay \(delay)"
    }

    init(name: String, port: Int, delay: Int) {
        self.name = name
        self.port = port
        self.delay = delay
    }

    func start() throws {
        process.executableURL = URL(fileURLWithPath: "/proc/self/exe").resolvingSymlinksInPath()
        process.arguments = ["demo-origin", "--child", "--port", "\(port)", "--name", name, "--delay", "\(delay)"]
        process.standardInput = lifeline
        process.standardOutput = output
        try process.run()
    }

    /// Blocks until the child listens, or has given up: false. From then on `ended` is told when it has ended, from a
    /// thread of its own.
    func waitUntilListening(ended: @escaping @Sendable () -> Void) -> Bool {
        if output.fileHandleForReading.availableData.isEmpty { return false }
        process.terminationHandler = { _ in ended() }
        return true
    }

    /// Ends the child and waits until it has.
    func stop() {
        guard process.isRunning else { return }
        process.terminationHandler = nil
        process.terminate()
        process.waitUntilExit()
    }
}
