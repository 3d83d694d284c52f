public import ApusAddresses
import ApusModel
import CApusSystem
import Glibc

/// A listening socket that was there before this process: from a service manager, or from the process before this one.
///
/// A value that names a descriptor and does not own it: whoever takes it closes it, once.
public struct InheritedSocket: Sendable, Equatable {
    public var descriptor: Int32
    /// What it is bound to.
    public var address: SocketAddress
    /// What a service manager calls it (`FileDescriptorName=`); empty where nobody named it.
    public var name: String

    public init(descriptor: Int32, address: SocketAddress, name: String = "") {
        self.descriptor = descriptor
        self.address = address
        self.name = name
    }

    public func close() { _ = CApusSystem.close(descriptor) }

    /// Looks at a descriptor that is said to be a listening socket, and makes it one as listeners of our own are:
    /// close-on-exec, non-blocking, without Nagle's delay.
    init(adopting descriptor: Int32, name: String) throws(InheritanceError) {
        let kind = apus_is_tcp_listener(descriptor)
        guard kind >= 0 else { throw .notOpen(descriptor: descriptor, name: name, errno: -kind) }
        var address = apus_address()
        guard kind == 1, unsafe apus_bound_address(descriptor, &address) == 0 else {
            throw .notAListener(descriptor: descriptor, name: name)
        }
        let result = apus_adopt_listener(descriptor)
        guard result == 0 else { throw .notOpen(descriptor: descriptor, name: name, errno: -result) }
        self.init(
            descriptor: descriptor,
            address: SocketAddress(ip: IPAddress(high: address.high, low: address.low), port: address.port),
            name: name)
    }
}

/// Listening sockets from a service manager (sd_listen_fds(3), systemd.socket(5)).
public enum SocketActivation {
    /// The first descriptor that is passed.
    static let firstDescriptor: Int32 = 3

    /// The sockets that this process was started with; none where it was started without.
    ///
    /// The variables are taken out of the environment: programs that this one starts do not get the sockets. So only
    /// the first call finds any.
    ///
    /// - Throws: `InheritanceError` when what was passed is no listening TCP socket.
    public static func takeFromEnvironment() throws(InheritanceError) -> [InheritedSocket] {
        defer { for name in ["LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES"] { _ = unsafe unsetenv(name) } }
        let passed = try passed(
            process: environmentVariable("LISTEN_PID"), count: environmentVariable("LISTEN_FDS"),
            names: environmentVariable("LISTEN_FDNAMES"), own: getpid())
        // All of them, before one may turn out to be something else.
        for socket in passed { _ = apus_close_on_exec(socket.descriptor, 1) }
        return try passed.map { socket throws(InheritanceError) in
            try InheritedSocket(adopting: socket.descriptor, name: socket.name)
        }
    }

    /// What the variables say: the descriptors that were passed to process `own`, with their names.
    static func passed(
        process: String?, count: String?, names: String?, own: Int32
    ) throws(InheritanceError) -> [(descriptor: Int32, name: String)] {
        // The variables may be left over from a parent to which they were addressed.
        guard let process, let count, Int32(process) == own else { return [] }
        guard let number = Int32(count), (0...4096).contains(number) else { throw .badCount(count) }
        let names = names.map { $0.split(separator: ":", omittingEmptySubsequences: false).map(String.init) } ?? []
        return (0..<number).map { (firstDescriptor + $0, Int($0) < names.count ? names[Int($0)] : "") }
    }
}

/// Why sockets of another process could not be taken over.
public enum InheritanceError: Error, Equatable, CustomStringConvertible {
    /// `$LISTEN_FDS` is no number of descriptors.
    case badCount(String)
    case notOpen(descriptor: Int32, name: String, errno: Int32)
    case notAListener(descriptor: Int32, name: String)

    public var description: String {
        switch self {
        case .badCount(let text):
            "LISTEN_FDS is \"\(text)\", but should be the number of sockets passed. It is set by a service manager: "
                + "unset it when you start Apus by hand."
        case .notOpen(let descriptor, let name, let errno):
            "the socket passed as descriptor \(descriptor)\(Self.called(name)) cannot be used: \(systemText(errno))."
        case .notAListener(let descriptor, let name):
            "descriptor \(descriptor)\(Self.called(name)) was passed as a listening socket, but is none for TCP. "
                + "In the .socket unit use ListenStream= with an address and port, and leave Accept= off."
        }
    }

    private static func called(_ name: String) -> String { name.isEmpty ? "" : " (\(name))" }
}
