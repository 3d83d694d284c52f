import CApusSystem
import Glibc
import Synchronization

/// A socket that sends lines as datagrams, to a server on this machine or elsewhere, and finds it again when that was
/// started anew.
///
/// Used by one thread. Nothing here waits for the other side, but `send` for as long as it is told to.
@safe
public final class DatagramSender: Sendable {
    public enum Target: Sendable, Equatable {
        /// A Unix socket, such as `/dev/log`.
        case path(String)
        case address(WireAddress)
    }

    enum Outcome {
        case sent
        /// It can go to nobody and never will.
        case lost
        /// The server is away, for the reason of that errno, or takes nothing now (0): worth another try later.
        case unable(Int32)
    }

    private let target: Target
    private let descriptor: Atomic<Int32>
    private let pace = Mutex(Pace())
    /// What the next datagram is made of.
    nonisolated(unsafe) let buffer: UnsafeMutableRawPointer
    /// Bytes that a datagram holds at most: what IPv6 can carry (RFC 8200 section 3), less the header of UDP.
    static let capacity = 65_487
    /// What every receiver takes (RFC 5426 section 3.2).
    private static let leastCapacity = 480

    /// - Throws: why nobody is reached there.
    public init(_ target: Target) throws(SystemError) {
        self.target = target
        unsafe buffer = .allocate(byteCount: Self.capacity, alignment: 64)
        descriptor = Atomic(-1)
        let result = Self.connect(target)
        guard result >= 0 else { throw SystemError(call: "connect", errno: -result) }
        descriptor.store(result, ordering: .relaxed)
    }

    deinit {
        hangUp()
        unsafe buffer.deallocate()
    }

    /// To be told before a number of datagrams is sent: how many bytes they have.
    ///
    /// Over UDP nobody says that a receiver's buffer is full (Linux: 208 KiB unless told otherwise, of which a datagram
    /// takes more than its bytes): what comes too fast is lost, and not even counted. So they are sent with pauses between
    /// a few, which take 50 ms together, or less. A Unix socket says when it is full; there are none.
    public func begin(_ bytes: Int) {
        guard isRemote else { return }
        pace.withLock { $0 = Pace(pause: Self.pause(before: bytes)) }
    }

    private struct Pace {
        /// Microseconds.
        var pause: UInt32 = 0
        /// Bytes since the last pause.
        var sent = 0
    }

    /// Bytes between two pauses.
    static let burst = 16 << 10

    /// How long each pause is, in microseconds, when so many bytes are to be sent.
    static func pause(before bytes: Int) -> UInt32 {
        min(2_000, 50_000 / UInt32(clamping: max(1, bytes / burst)))
    }

    /// Waits when as much has been sent as goes without a pause.
    private func rest(after count: Int) {
        let pause = pace.withLock { pace in
            pace.sent += count
            guard pace.sent >= Self.burst else { return UInt32(0) }
            pace.sent = 0
            return pace.pause
        }
        if pause > 0 { usleep(pause) }
    }

    private static func connect(_ target: Target) -> Int32 {
        switch target {
        case .path(let path): unsafe path.withCString { unsafe apus_datagrams_to_path($0) }
        case .address(let address): apus_datagrams_to(address.c)
        }
    }

    private func hangUp() {
        let old = descriptor.exchange(-1, ordering: .relaxed)
        if old >= 0 { _ = close(old) }
    }

    /// Sends the first `count` bytes of the buffer, fewer where a datagram does not hold them.
    ///
    /// - Parameters:
    ///   - patience: milliseconds to wait when the other side has no room.
    ///   - lost: told of datagrams sent earlier that did not arrive.
    func send(_ count: Int, patience: Int32, lost: inout Int) -> Outcome {
        var size = count
        var reason: Int32 = 0
        for _ in 0..<8 {
            if descriptor.load(ordering: .relaxed) < 0 {
                let result = Self.connect(target)
                guard result >= 0 else { return .unable(-result) }
                descriptor.store(result, ordering: .relaxed)
            }
            let socket = descriptor.load(ordering: .relaxed)
            let result = unsafe apus_send(socket, buffer, size)
            if result >= 0 {
                if isRemote { rest(after: size) }
                return .sent
            }
            switch Int32(-result) {
            case EINTR: continue
            case EAGAIN, ENOBUFS:
                guard apus_wait(socket, 1, patience) > 0 else { return .unable(0) }
            case EMSGSIZE:
                guard size > Self.leastCapacity else { return .lost }
                size = max(Self.leastCapacity, size / 2)
            case ECONNREFUSED where isRemote:
                // Said of the datagram before this one, which is still to be sent.
                lost += 1
            default:
                reason = Int32(-result)
                hangUp()
            }
        }
        return .unable(reason)
    }

    private var isRemote: Bool {
        if case .address = target { true } else { false }
    }
}
