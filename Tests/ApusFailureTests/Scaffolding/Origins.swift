import ApusAddresses
import ApusModel
import ApusTestKit
import Glibc

/// An origin in a process of its own, which can be killed and stopped as processes are.
final class OriginProcess: Sendable {
    let name: String
    let address: SocketAddress
    /// Keeps the port ours while nobody listens there.
    private let reservation: RefusingPort
    private let child: Monitor<ChildProcess?>

    init(_ name: String) throws {
        self.name = name
        reservation = try RefusingPort()
        address = reservation.address
        child = Monitor(nil)
        try start()
    }

    /// Starts it, again if it was killed; it listens when this returns.
    func start() throws {
        let started = try ChildProcess(
            try builtProgram("apus"), ["demo-origin", "--port", "\(address.port)", "--name", name, "--child"])
        _ = try started.wait(for: "that it listens") { $0.text == "listening" ? true : nil }
        child.with { $0 = started }
    }

    /// `kill -9`.
    func kill() { child.current?.kill() }

    /// `kill -STOP`: the kernel goes on accepting connections in its name, and nobody answers them.
    func stop() { child.current?.signal(SIGSTOP) }

    /// `kill -CONT`.
    func resume() { child.current?.signal(SIGCONT) }
}

/// An origin in the test process whose behaviour changes at a word. It answers 200 and its name.
final class MoodyOrigin: Sendable {
    enum Mood: Sendable, Equatable {
        case good
        /// Reads the head of a request and breaks the connection.
        case resetsHeads
        /// Sends the head of a response and half of its body, and breaks the connection.
        case resetsBodies
        /// Answers after so long.
        case slow(Duration)
    }

    /// The methods of the requests that arrived while it was not good.
    var mishaps: [String] { state.current.mishaps }
    let name: String
    let origin: Origin
    var address: SocketAddress { origin.address }
    private let state: Monitor<State>

    private struct State {
        var mood = Mood.good
        var mishaps: [String] = []
    }

    init(_ name: String, at address: SocketAddress = .loopback(0)) throws {
        self.name = name
        let state = Monitor(State())
        self.state = state
        let body = "origin \(name)\n"
        let answer = "HTTP/1.1 200 OK\r\nContent-Length: \(body.utf8.count)\r\n\r\n\(body)"
        origin = try Origin(at: address) { connection in
            connection.patience = .seconds(60)
            while let request = try connection.readRequest() {
                let mood = state.with { state -> Mood in
                    if state.mood != .good { state.mishaps.append(request.method) }
                    return state.mood
                }
                switch mood {
                case .good: try connection.send(answer)
                case .resetsHeads: return connection.reset()
                case .resetsBodies:
                    try connection.send("HTTP/1.1 200 OK\r\nContent-Length: \(body.utf8.count + 8)\r\n\r\n\(body)")
                    // The half must have left before the reset, which throws away what has not.
                    rest(.milliseconds(20))
                    return connection.reset()
                case .slow(let time):
                    rest(time)
                    try connection.send(answer)
                }
                connection.forget()
            }
        }
    }

    func become(_ mood: Mood) { state.with { $0.mood = mood } }
}
