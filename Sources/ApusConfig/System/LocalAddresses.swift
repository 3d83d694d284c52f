public import ApusAddresses
import Glibc
import Synchronization

/// The addresses of this machine's interfaces.
///
/// Where the system does not say, those that it said last count: no descriptor may be left for the moment, and a service manager
/// may have forbidden to ask (`RestrictAddressFamilies=` without `AF_NETLINK`).
public final class LocalAddresses: Sendable {
    private static let shared = LocalAddresses(reading: LocalAddresses.read)
    private let last = Mutex<Set<IPAddress>?>(nil)
    private let read: @Sendable () -> Set<IPAddress>?

    /// - Parameter read: asks the system; nil when it does not say.
    init(reading read: @escaping @Sendable () -> Set<IPAddress>?) { self.read = read }

    /// Those that this machine has now, or had when it last said so; nil when it never did.
    public static func ofThisMachine() -> Set<IPAddress>? { shared.current() }

    func current() -> Set<IPAddress>? {
        let now = read()
        return last.withLock { last in
            if let now { last = now }
            return last
        }
    }

    private static func read() -> Set<IPAddress>? {
        var first: UnsafeMutablePointer<ifaddrs>?
        guard unsafe getifaddrs(&first) == 0 else { return nil }
        // SAFETY: the list belongs to this call until it is freed, and each address has the size of its family.
        defer { unsafe freeifaddrs(first) }
        var addresses: Set<IPAddress> = []
        var next = unsafe first
        while let interface = unsafe next {
            if let socket = unsafe interface.pointee.ifa_addr, let address = unsafe IPAddress(socket) {
                addresses.insert(address)
            }
            unsafe next = interface.pointee.ifa_next
        }
        return addresses
    }
}

extension IPAddress {
    /// The address of a socket address that the system has given; nil for one of another family.
    ///
    /// - Parameter socket: has the size of its family.
    init?(_ socket: UnsafePointer<sockaddr>) {
        switch unsafe Int32(socket.pointee.sa_family) {
        case AF_INET:
            let bytes = unsafe UnsafeRawBufferPointer(start: socket, count: MemoryLayout<sockaddr_in>.size)
            let address = unsafe bytes.loadUnaligned(as: sockaddr_in.self)
            self.init(ipv4: UInt32(bigEndian: address.sin_addr.s_addr))
        case AF_INET6:
            let bytes = unsafe UnsafeRawBufferPointer(start: socket, count: MemoryLayout<sockaddr_in6>.size)
            let offset = MemoryLayout<sockaddr_in6>.offset(of: \.sin6_addr) ?? 8
            self = unsafe IPAddress(
                high: UInt64(bigEndian: bytes.loadUnaligned(fromByteOffset: offset, as: UInt64.self)),
                low: UInt64(bigEndian: bytes.loadUnaligned(fromByteOffset: offset + 8, as: UInt64.self)))
        default:
            return nil
        }
    }
}
