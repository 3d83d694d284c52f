import ApusAddresses
import ApusModel

extension Validation {
    /// Every admin listener of the file; nil for one that something is wrong with.
    mutating func adminListeners() -> [Admin?] { root.admin.map { adminListener($0) } }

    private mutating func adminListener(_ section: AdminSection) -> Admin? {
        let bind: Admin.Bind
        switch section.bind {
        case nil: return nil
        case .unix(let path): bind = .unix(path: path)
        case .address(let authority):
            guard let address = address(of: authority) else { return nil }
            bind = .address(address)
        }
        let token = section.token.flatMap { bytes(of: $0) }.map { Secret($0) }
        // A token that is wrong is told of already.
        let most = Admin.mostRole(bind, hasToken: section.isTokenWritten)
        let role = section.role?.value ?? max(most, .read)
        if role > most, case .address(let address) = bind {
            refuse(role, at: address, section.role?.position ?? section.position)
        }
        return Admin(
            bind: bind, role: role, token: token, hosts: section.hosts, files: section.files,
            tls: section.tls.map { tls(of: $0) })
    }

    /// Says why a listener at `address` without a token may not grant `role`, and what to write instead.
    private mutating func refuse(_ role: Admin.Role, at address: SocketAddress, _ position: SourcePosition) {
        let token = "`token: { file: /run/secrets/apus-admin }`"
        if role == .change {
            let reach = address.ip.isLoopback ? "every program on this machine may" : "others than this machine may"
            findings.error(
                "`role: change` asks for a token or a Unix socket, and `\(address)` has no `token`: \(reach) reach it; "
                    + "write `bind: \"unix:/run/apus/admin.sock\"`, or add \(token)", at: position)
        } else {
            findings.error(
                "`admin` listens on `\(address)`, which others than this machine may reach, and asks for no `token`; "
                    + "bind it to `127.0.0.1:\(address.port)`, add \(token), or write `role: metrics`, which tells "
                    + "health and metrics alone", at: position)
        }
    }

    mutating func accessLog() -> AccessLog {
        var log = root.accessLog.log
        guard var syslog = root.accessLog.syslog else {
            if case .file(let path, _)? = log.destination {
                log.destination = .file(path: path, followsLinks: checkLog(path) != .pattern)
            }
            return log
        }
        // The system's own syslog is where everybody logs to.
        if case .local(let path) = syslog.target, syslog.target != Syslog().target { checkLog(path) }
        if let server = root.accessLog.syslogServer { syslog.target = .udp(target(of: server)) }
        log.destination = .syslog(syslog)
        return log
    }

    /// Where a syslog server is; one whose name has no address now gets no lines until it has one.
    private mutating func target(of server: Located<Authority>) -> SocketAddress {
        guard case .name(let name) = server.value.host else {
            return address(of: server) ?? SocketAddress(ip: .anyIPv6, port: server.value.port)
        }
        let named = NamedServer(name: name, port: server.value.port)
        logServer = named
        let addresses = addresses(of: name)
        if addresses.isEmpty {
            findings.warning(
                "the host name `\(name)` has no address now; unless the one of before is known, lines of the access log are lost "
                    + "until one is found: check its spelling and the name service", at: server.position)
        }
        return SocketAddress(ip: named.ip(addresses), port: named.port)
    }

    /// Refuses a log where a configuration that was sent must not write one. What stands at a path that a pattern lent is
    /// looked at each time: somebody may have put a link there since.
    @discardableResult
    private mutating func checkLog(_ path: String) -> ReachLimit.Grant? {
        let use = ReachUse.log(ReachUse.absolute(path))
        let grant = loader.grant(use)
        findings.note(use, grant)
        guard let limit = loader.limit else { return grant }
        let position = root.accessLog.position ?? .start
        switch grant {
        case .running?: break
        case .pattern?:
            guard let words = limit.refusalOfLog(at: ReachUse.absolute(path)) else { break }
            findings.error(
                "`access_log`: \(Node.quoted(path, by: "`")) may not be written by a configuration that comes over the "
                    + "admin API: \(words)", at: position)
        case nil: findings.error("`access_log`: \(use.refusal)", at: position)
        }
        return grant
    }
}
