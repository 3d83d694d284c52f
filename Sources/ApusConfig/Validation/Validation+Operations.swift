import ApusModel

extension Validation {
    /// How the process is run; without the admin server when something is wrong with it.
    mutating func operations() -> Operations {
        var operations = root.operations.operations
        guard let section = root.operations.admin else { return operations }
        let token = section.token.flatMap { bytes(of: $0) }.map { Secret($0) }
        switch section.bind {
        case .unix(let path):
            operations.admin = Admin(bind: .unix(path: path), token: token)
        case .address(let authority):
            guard let address = address(of: authority) else { break }
            operations.admin = Admin(address, token: token)
            if !section.isTokenWritten, !address.ip.isLoopback {
                findings.error(
                    "`admin` listens on `\(address)`, which others than this machine may reach, and asks for no `token`; "
                        + "bind it to `127.0.0.1:\(address.port)`, or add `token: { file: /run/secrets/apus-admin }`",
                    at: section.position)
            }
        }
        return operations
    }

    mutating func accessLog() -> AccessLog {
        var log = root.accessLog.log
        guard var syslog = root.accessLog.syslog else { return log }
        if let server = root.accessLog.syslogServer, let address = address(of: server) { syslog.target = .udp(address) }
        log.destination = .syslog(syslog)
        return log
    }
}

extension IPAddress {
    /// Whether it is reached from this machine only: 127.0.0.0/8 or ::1 (RFC 6890).
    fileprivate var isLoopback: Bool {
        isIPv4 ? (low >> 24) & 0xff == 127 : high == 0 && low == 1
    }
}
