public import ApusAddresses
import ApusModel
import Glibc

/// The system's name service: /etc/hosts, DNS and whatever else nsswitch.conf names.
public enum SystemResolver {
    /// The addresses of a host name in the order of the system's preference; none when it has none or the service fails.
    ///
    /// Blocks, for several seconds when a name server does not answer.
    public static func addresses(of name: String) -> [IPAddress] {
        var hints = unsafe addrinfo()
        unsafe hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
        var first: UnsafeMutablePointer<addrinfo>?
        guard unsafe getaddrinfo(name, nil, &hints, &first) == 0 else { return [] }
        // SAFETY: the list belongs to this call until it is freed, and each node's address has the size of its family.
        defer { unsafe freeaddrinfo(first) }
        var addresses: [IPAddress] = []
        var next = unsafe first
        while let info = unsafe next {
            if let address = unsafe address(of: info.pointee), !addresses.contains(address) {
                addresses.append(address)
            }
            unsafe next = info.pointee.ai_next
        }
        return addresses
    }

    private static func address(of info: addrinfo) -> IPAddress? {
        guard let socket = unsafe info.ai_addr else { return nil }
        let bytes = unsafe UnsafeRawBufferPointer(start: socket, count: Int(info.ai_addrlen))
        switch unsafe info.ai_family {
        case AF_INET:
            let address = unsafe bytes.loadUnaligned(as: sockaddr_in.self)
            return IPAddress(ipv4: UInt32(bigEndian: address.sin_addr.s_addr))
        case AF_INET6:
            let offset = MemoryLayout<sockaddr_in6>.offset(of: \.sin6_addr) ?? 8
            return unsafe IPAddress(
                high: UInt64(bigEndian: bytes.loadUnaligned(fromByteOffset: offset, as: UInt64.self)),
                low: UInt64(bigEndian: bytes.loadUnaligned(fromByteOffset: offset + 8, as: UInt64.self)))
        default:
            return nil
        }
    }
}
