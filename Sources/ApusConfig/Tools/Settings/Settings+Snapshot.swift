import ApusAddresses
import ApusModel

extension Settings {
    /// What is said once for the whole configuration.
    init(_ snapshot: Snapshot) {
        add("workers", "\(snapshot.workers)")
        add("node", snapshot.node)
        add("zone", snapshot.zone)
        add("timeouts", Settings(snapshot.timeouts))
        add("limits", Settings(snapshot.limits))
        add("trusted_proxies", snapshot.trustedProxies.map(\.description).joined(separator: ", "), usual: "")
        add("client_headers.remove", snapshot.clientFields.removed.joined(separator: ", "), usual: "")
        add("client_headers.keep", snapshot.clientFields.kept.joined(separator: ", "), usual: "")
        add("client_headers.underscores", snapshot.clientFields.keepsUnderscores ? "keep" : "drop", usual: "drop")
        add("access_log", switched: snapshot.accessLog.destination.map { Settings(snapshot.accessLog, to: $0) })
        add(snapshot.operations)
    }

    init(_ timeouts: Timeouts) {
        let usual = Timeouts()
        add("request_head", timeouts.requestHead, usual: usual.requestHead)
        add("idle", timeouts.idle, usual: usual.idle)
        add("connect", timeouts.connect, usual: usual.connect)
        add("response_head", timeouts.responseHead, usual: usual.responseHead)
        add("body", timeouts.body, usual: usual.body)
        add("drain", timeouts.drain, usual: usual.drain)
    }

    init(_ limits: Limits) {
        let usual = Limits()
        add("head", ByteSize.write(limits.headBytes), usual: ByteSize.write(usual.headBytes))
        add("fields", limits.headFields, usual: usual.headFields)
        add("response_fields", limits.responseFields, usual: usual.responseFields)
        add("target", ByteSize.write(limits.targetBytes), usual: ByteSize.write(usual.targetBytes))
        add("body", limits.bodyBytes.map(ByteSize.write) ?? "unlimited", usual: "unlimited")
        add("min_rate", limits.minRate.map(ByteSize.write) ?? "off", usual: usual.minRate.map(ByteSize.write) ?? "off")
        add("connections", limits.connectionsPerListener, usual: usual.connectionsPerListener)
        add(
            "buffer_memory", ByteSize.write(limits.bufferBytesPerWorker),
            usual: ByteSize.write(usual.bufferBytesPerWorker))
    }

    private init(_ log: AccessLog, to destination: AccessLog.Destination) {
        switch destination {
        case .standardOutput: add("to", "stdout")
        case .file(let path, _): add("to", path)
        case .syslog(let syslog):
            switch syslog.target {
            case .local(let path): add("to", "syslog:\(path)")
            case .udp(let address): add("to", "syslog:\(address)")
            }
            add("facility", syslog.facility, usual: 16)
            add("tag", syslog.tag, usual: "apus")
        }
        switch log.format {
        case .json: add("format", "json", usual: "json")
        case .combined: add("format", "combined", usual: "json")
        case .template(let template): add("format", template.text.debugDescription, usual: "json")
        }
        add("sample", "1/\(log.oneIn)", usual: "1/1")
        add("failures", log.alwaysLogsFailures ? "always" : "sampled", usual: "always")
    }

    private mutating func add(_ operations: Operations) {
        let binds = operations.admin.map { "\($0.bind)" }
        add("admin.bind", binds.isEmpty ? "off" : binds.joined(separator: ", "), usual: "off")
        for admin in operations.admin {
            let key = "admin(\(admin.bind))"
            let usual = max(Admin.mostRole(admin.bind, hasToken: admin.token != nil), .read)
            add("\(key).role", admin.role.rawValue, usual: usual.rawValue)
            if let token = admin.token { add("\(key).token", concealed: token.bytes) }
            add("\(key).hosts", admin.hosts?.joined(separator: ", ") ?? "any", usual: "any")
            add("\(key).files", admin.files.map(\.description).joined(separator: ", "), usual: "")
        }
        add("process.user", operations.user)
        add("process.group", operations.group)
        add("state.directory", operations.stateDirectory)
        add("state.keep", operations.keptRevisions, usual: Operations().keptRevisions)
        add("watch", operations.watchInterval?.configured ?? "off", usual: "off")
    }

    /// The keys of what a running process cannot change about itself: a new one has to take over.
    static let needsUpgrade: Set<String> = ["workers", "admin.bind", "state.directory"]
    /// The keys of what a successor inherits: only a start from outside changes it.
    static let needsRestart: Set<String> = ["process.user", "process.group"]
}
