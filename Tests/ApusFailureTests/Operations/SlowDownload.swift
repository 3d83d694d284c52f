import ApusAddresses
import ApusModel
import ApusTestKit

/// A large body that a client reads in small bites until it is told that it may hurry: so it is under way for as long as
/// a test needs it to be.
final class SlowDownload: Sendable {
    /// More than all the buffers between origin and client take in.
    static let size = 12 << 20

    /// An origin that has such a body for every GET of `/download`, and its name for anything else.
    static func origin() throws -> Origin {
        try Origin { connection in
            connection.patience = .seconds(60)
            while let request = try connection.readRequest() {
                guard request.target.hasPrefix("/download") else {
                    try connection.send("HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\norigin d")
                    continue
                }
                try connection.send("HTTP/1.1 200 OK\r\nContent-Length: \(size)\r\n\r\n")
                for _ in 0..<size / block.count { try connection.send(block) }
                connection.forget()
            }
        }
    }

    private enum State: Equatable {
        case waiting, begun
        case over(String?)
    }

    private let state = Monitor(State.waiting)
    private let mayHurry = Monitor(false)

    /// Its first bytes have arrived when this returns.
    init(from address: SocketAddress) throws {
        onThread { [state, mayHurry] in
            let problem: String?
            do {
                problem = try Self.read(from: address, state, mayHurry)
            } catch {
                problem = "\(error)"
            }
            state.with { $0 = .over(problem) }
        }
        try state.wait(for: "a download to begin", by: .after(.seconds(30))) { $0 != .waiting }
    }

    deinit { mayHurry.with { $0 = true } }

    /// Whether it is still under way.
    var isUnderWay: Bool { state.current == .begun }

    /// Reads the rest at once, and returns what was wrong with it; nil when it arrived whole.
    func finish() throws -> String? {
        mayHurry.with { $0 = true }
        let over = try state.wait(for: "a download to end", by: .after(.seconds(60))) { $0 != .waiting && $0 != .begun }
        guard case .over(let problem) = over else { return "it never ended" }
        return problem
    }

    private static func read(
        from address: SocketAddress, _ state: Monitor<State>, _ mayHurry: Monitor<Bool>
    ) throws -> String? {
        let client = try Connection(to: address, buffers: Socket.Buffers(receive: 16_384))
        client.patience = .seconds(30)
        try client.send("GET /download HTTP/1.1\r\nHost: a\r\n\r\n")
        let head = try client.readResponseHead()
        guard head.status == 200 else { return "it was answered \(head.status)" }
        var count = 0
        while count < size {
            let piece = try client.read(min(16_384, size - count))
            guard isBody(piece, from: count) else { return "something else came at byte \(count)" }
            count += piece.count
            guard count == size || piece.count == 16_384 else { return "it was cut after \(count) of \(size) bytes" }
            client.forget()
            state.with { if $0 == .waiting { $0 = .begun } }
            if !mayHurry.current { rest(.milliseconds(20)) }
        }
        return nil
    }

    /// What the body repeats: a piece of it is like no other piece that it could be mistaken for.
    private static let block = (0..<1 << 20).map { UInt8(truncatingIfNeeded: $0 % 251) }

    private static func isBody(_ piece: [UInt8], from start: Int) -> Bool {
        let start = start % block.count
        return piece == Array(block[start..<min(block.count, start + piece.count)])
    }
}
