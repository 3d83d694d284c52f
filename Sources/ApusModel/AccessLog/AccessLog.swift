public import ApusAddresses

/// Where the access log goes, what a line looks like, and which requests get one.
public struct AccessLog: Sendable, Equatable {
    public enum Destination: Sendable, Equatable {
        case standardOutput
        /// Opened for appending, and again at SIGUSR1. Where links are not followed it must be a plain file each time: that
        /// is for a path that somebody was lent, and beside which others may write.
        case file(path: String, followsLinks: Bool = true)
        case syslog(Syslog)
    }

    public enum Format: Sendable, Equatable {
        /// One JSON object a line.
        case json
        /// The Combined Log Format of Apache httpd.
        case combined
        /// Text with the fields of the JSON format in braces, such as `{client} {method} {target} {status}`.
        case template(AccessLogTemplate)
    }

    /// Nil for no log.
    public var destination: Destination?
    public var format: Format
    /// Of so many requests one is logged, drawn by chance; 1 for all.
    public var oneIn: Int
    /// Whether requests that Apus answered or broke off by itself, and those with a status of 500 and above, are logged
    /// whatever `oneIn` says.
    public var alwaysLogsFailures: Bool

    public init(
        _ destination: Destination?, format: Format = .json, oneIn: Int = 1, alwaysLogsFailures: Bool = true
    ) {
        self.destination = destination
        self.format = format
        self.oneIn = oneIn
        self.alwaysLogsFailures = alwaysLogsFailures
    }

    public static let off = AccessLog(nil)
    public static let standardOutput = AccessLog(.standardOutput)
    public static func file(path: String) -> AccessLog { AccessLog(.file(path: path)) }
}

/// A syslog server: a local one gets what local programs send, one behind UDP messages of RFC 5424.
public struct Syslog: Sendable, Equatable {
    public enum Target: Sendable, Equatable {
        /// A datagram socket, such as `/dev/log`.
        case local(path: String)
        case udp(SocketAddress)
    }

    public var target: Target
    /// 0 to 23 (RFC 5424 section 6.2.1); 16 is local0.
    public var facility: Int
    /// APP-NAME.
    public var tag: String

    public init(target: Target = .local(path: "/dev/log"), facility: Int = 16, tag: String = "apus") {
        self.target = target
        self.facility = facility
        self.tag = tag
    }
}
