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
            if let socket = unsafe info.pointee.ai_addr, let address = unsafe IPAddress(socket),
                !addresses.contains(address)
            {
                addresses.append(address)
            }
            unsafe next = info.pointee.ai_next
        }
        return addresses
    }
}
