import FoundationEssentials

/// What `GET /v1/status` answers, as far as it is shown to people.
public struct StatusReport: Decodable, Sendable, Equatable {
    public struct Process: Decodable, Sendable, Equatable {
        public var id: Int
        public var residentBytes: Double?
        public var openDescriptors: Double?
    }

    public struct Revision: Decodable, Sendable, Equatable {
        public var number: Int
        public var time: String
        public var cause: String
        public var files: [String]
    }

    public struct Requests: Decodable, Sendable, Equatable {
        public var total: Double
        public var byClass: [String: Double]
        public var inFlight: Double
        public var queued: Double
    }

    public struct Failures: Decodable, Sendable, Equatable {
        public var seconds: Int
        public var byReason: [String: UInt64]
        public var byPool: [String: UInt64]
        /// TLS handshakes that failed.
        public var handshakes: [String: UInt64]?
    }

    /// The configuration's files as they were refused.
    public struct RefusedFiles: Decodable, Sendable, Equatable {
        public var time: String
        public var cause: String
        public var reason: String
        public var stopsRestart: Bool
    }

    public struct Listener: Decodable, Sendable, Equatable {
        public var name: String
        public var address: String
        public var routes: Int
        public var openConnections: Double
    }

    /// A name that stands for what was found before the process.
    public struct KeptName: Decodable, Sendable, Equatable {
        public var name: String
        public var addresses: [String]
        public var found: String
    }

    /// An access log that takes no lines.
    public struct AccessLogTrouble: Decodable, Sendable, Equatable {
        public var destination: String
        public var reason: String
        public var since: String
        public var droppedLines: Double
    }

    /// An endpoint that is Apus itself.
    public struct OwnEndpoint: Decodable, Sendable, Equatable {
        public var pool: String
        public var name: String
        public var address: String
        /// What it is, and what comes of it.
        public var words: String
    }

    public var version: String
    public var process: Process
    public var node: String
    public var phase: String
    public var ready: Bool
    public var notReadyBecause: String?
    /// An Apus before 0.2 does not tell.
    public var poolsWithNobody: [String]?
    public var unresolvedNames: [String]?
    public var keptNames: [KeptName]?
    public var ownEndpoints: [OwnEndpoint]?
    public var endingCertificates: [String]?
    public var revocationWarnings: [String]?
    public var unkeptState: String?
    public var refusedFiles: RefusedFiles?
    public var uptimeSeconds: Double
    public var revision: Revision
    public var dynamicChanges: Int
    public var requests: Requests
    public var failures: Failures?
    public var accessLogTrouble: AccessLogTrouble?
    public var listeners: [Listener]

    /// Reads an answer. Members that this version does not know are left out.
    public init(json: String) throws {
        self = try JSONDecoder().decode(StatusReport.self, from: Data(json.utf8))
    }

    /// Lines for people. `pools` is what `GET /v1/pools?text` answers.
    public func text(pools: String) -> String {
        let classes = ["2xx", "3xx", "4xx", "5xx"].compactMap { name in
            requests.byClass[name].map { "\(name) \(Figures.count($0))" }
        }
        var lines = [
            "apus \(version), process \(process.id), \(phase), up for \(Figures.age(uptimeSeconds)), "
                + (ready ? "ready" : "not ready: \(notReadyBecause ?? "no reason given")"),
            "configuration: revision \(revision.number) since \(revision.time) (\(revision.cause)), "
                + (revision.files.isEmpty ? "made without a file" : revision.files.joined(separator: ", "))
                + (dynamicChanges == 0 ? "" : ", and \(dynamicChanges) changed while running"),
            "requests: \(Figures.count(requests.total)) (\(classes.joined(separator: ", "))), "
                + "\(Figures.count(requests.inFlight)) in flight, \(Figures.count(requests.queued)) waiting",
        ]
        if let failures { lines += failures.lines }
        if let memory = process.residentBytes, let descriptors = process.openDescriptors {
            lines.append("memory: \(Figures.bytes(memory)), descriptors: \(Figures.count(descriptors))")
        }
        if let names = poolsWithNobody, !names.isEmpty {
            lines.append("without an endpoint that may be picked: " + names.joined(separator: ", "))
        }
        if let names = unresolvedNames, !names.isEmpty {
            lines.append("host names that were not found: " + names.joined(separator: ", "))
        }
        for kept in keptNames ?? [] {
            lines.append(
                "  \(kept.name) is taken for \(kept.addresses.joined(separator: ", ")), as last found at \(kept.found), before "
                    + "this process")
        }
        if let log = accessLogTrouble {
            lines.append(
                "warning: access log \(log.destination) is not written since \(log.since): \(log.reason); "
                    + "\(Figures.count(log.droppedLines)) lines were dropped since the start")
        }
        lines += (ownEndpoints ?? []).map { "warning: \($0.words)" }
        lines += (endingCertificates ?? []).map { "warning: \($0)" }
        lines += (revocationWarnings ?? []).map { "warning: \($0)" }
        if let unkeptState { lines.append("warning: \(unkeptState)") }
        if let refusedFiles { lines.append(refusedFiles.text) }
        for listener in listeners {
            let label = listener.name == listener.address ? "" : " (\(listener.name))"
            lines.append(
                "listener \(listener.address)\(label): \(listener.routes) \(listener.routes == 1 ? "route" : "routes"), "
                    + "\(Figures.count(listener.openConnections)) clients")
        }
        return lines.joined(separator: "\n") + "\n" + pools
    }
}

extension StatusReport.Failures {
    /// Lines for people: the most frequent first.
    fileprivate var lines: [String] {
        let own = sorted(byReason).map { "\($0.value) \($0.key)" }
        let origins = sorted(byPool).map { "\($0.value) from \($0.key)" }
        var parts: [String] = own.isEmpty ? [] : [own.joined(separator: ", ")]
        if !origins.isEmpty { parts.append("5xx of origins: " + origins.joined(separator: ", ")) }
        let words = parts.isEmpty ? "none" : parts.joined(separator: "; ")
        let refused = sorted(handshakes ?? [:])
        guard !refused.isEmpty else { return ["failures in the last \(seconds) s: \(words)"] }
        let causes = refused.map { "\($0.value) \($0.key)" }.joined(separator: ", ")
        return [
            "failures in the last \(seconds) s: \(words)",
            "TLS handshakes refused in the last \(seconds) s: \(refused.reduce(0) { $0 + $1.value }) (\(causes))",
        ]
    }

    private func sorted(_ counts: [String: UInt64]) -> [(key: String, value: UInt64)] {
        counts.sorted { ($1.value, $0.key) < ($0.value, $1.key) }
    }
}

extension StatusReport.RefusedFiles {
    fileprivate var text: String {
        "warning: the files were refused at \(time) (\(cause)): \(reason)"
            + (stopsRestart ? "; a restart would fail" : "")
    }
}
