public import ApusAddresses
import Glibc

/// The addresses of this machine's interfaces.
public enum LocalAddresses {
    /// Those that it has now; none when the system does not say.
    public static func ofThisMachine() -> Set<IPAddress> {
        var first: UnsafeMutablePointer<ifaddrs>?
        guard unsafe getifaddrs(&first) == 0 else { return [] }
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
