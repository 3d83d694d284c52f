/// Where a running Apus is asked: the address of its admin server, and who said so.
public struct AdminAddress: Sendable, Equatable {
    public enum Place: Sendable, Equatable {
        /// A name or an IP address, and a port.
        case host(String, port: Int)
        /// The path of a Unix socket.
        case unix(String)

        /// Whether it is the same place, as far as that is known without looking names up: `localhost` is 127.0.0.1 and ::1.
        public func isSame(as other: Place) -> Bool {
            guard case .host(let one, let port) = self, case .host(let two, port) = other else { return self == other }
            let names = [one.lowercased(), two.lowercased()]
            let here = ["localhost", "127.0.0.1", "::1"]
            return names[0] == names[1] || names.contains("localhost") && names.allSatisfy(here.contains)
        }
    }

    /// Who named the place, for the person who is to mend it.
    public enum Origin: Sendable, Equatable {
        case option
        case environment
        /// The `admin` section of this configuration file.
        case configuration(file: String)
        case byDefault
    }

    public var place: Place
    public var origin: Origin
    /// Whether it is asked by TLS.
    public var isTLS: Bool

    public init(_ place: Place, from origin: Origin, isTLS: Bool = false) {
        self.place = place
        self.origin = origin
        self.isTLS = isTLS
    }

    /// Where most configurations let it be read.
    public static let standard = AdminAddress(.host("127.0.0.1", port: 9900), from: .byDefault)
    /// Where most configurations let it be changed.
    public static let standardForChanges = AdminAddress(.unix("/run/apus/admin.sock"), from: .byDefault)

    /// Reads `127.0.0.1:9900`, `[::1]:9900`, `localhost:9900`, `:9900` (this machine), one of them behind `https://`, or
    /// `unix:/run/apus/admin.sock`. Nil for anything else.
    public init?(_ text: String, from origin: Origin) {
        if text.hasPrefix("https://") {
            let rest = text.dropFirst("https://".count)
            self.init(String(rest.hasSuffix("/") ? rest.dropLast() : rest), from: origin)
            guard case .host = place else { return nil }
            isTLS = true
            return
        }
        if text.hasPrefix("unix:") {
            let path = String(text.dropFirst(5))
            // As long as the system's structure has room for.
            guard path.hasPrefix("/"), path.utf8.count < 108 else { return nil }
            self.init(.unix(path), from: origin)
            return
        }
        guard let colon = text.lastIndex(of: ":"), let port = Int(text[text.index(after: colon)...]),
            (1...65_535).contains(port)
        else { return nil }
        var host = text[..<colon]
        if host.hasPrefix("["), host.hasSuffix("]") {
            host = host.dropFirst().dropLast()
            guard host.contains(":") else { return nil }
        } else if host.contains(where: { ":/@ ".contains($0) }) {
            return nil
        }
        self.init(.host(host.isEmpty ? "127.0.0.1" : String(host), port: port), from: origin)
    }
}

extension AdminAddress: CustomStringConvertible {
    /// As it is read.
    public var description: String {
        switch place {
        case .host: (isTLS ? "https://" : "") + authority
        case .unix(let path): "unix:\(path)"
        }
    }

    /// What a request's Host says.
    var authority: String {
        switch place {
        case .host(let host, let port): host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)"
        case .unix: "localhost"
        }
    }

    /// The address with who named it: `127.0.0.1:9900 (the default)`.
    var withOrigin: String {
        switch origin {
        case .option: "\(self) (from --admin)"
        case .environment: "\(self) (from the variable APUS_ADMIN)"
        case .configuration(let file): "\(self) (from the admin section of \(file))"
        case .byDefault: "\(self) (the default)"
        }
    }
}
