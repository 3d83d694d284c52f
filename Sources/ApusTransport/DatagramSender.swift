import CApusSystem
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
        /// The server is away, or takes nothing now: worth another try later.
        case unable
    }

    private let target: Target
    private let descriptor: Atomic<Int32>
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
        for _ in 0..<8 {
            if descriptor.load(ordering: .relaxed) < 0 {
                let result = Self.connect(target)
                guard result >= 0 else { return .unable }
                descriptor.store(result, ordering: .relaxed)
            }
            let socket = descriptor.load(ordering: .relaxed)
            let result = unsafe apus_send(socket, buffer, size)
            if result >= 0 { return .sent }
            switch Int32(-result) {
            case EINTR: continue
            case EAGAIN, ENOBUFS:
                guard apus_wait(socket, 1, patience) > 0 else { return .unable }
            case EMSGSIZE:
                guard size > Self.leastCapacity else { return .lost }
                size = max(Self.leastCapacity, size / 2)
            case ECONNREFUSED where isRemote:
                // Said of the datagram before this one, which is still to be sent.
                lost += 1
            default: hangUp()
            }
        }
        return .unable
    }

    private var isRemote: Bool {
        if case .address = target { true } else { false }
    }
}
