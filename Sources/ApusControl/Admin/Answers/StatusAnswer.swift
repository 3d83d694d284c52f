import ApusConfig
import ApusModel
import FoundationEssentials
import Glibc

/// What runs, since when, and how it is: the answer to `GET /v1/status`.
struct StatusAnswer: Encodable {
    var version: String
    var swift: String
    var process: ProcessAnswer
    /// The balancer's own name.
    var node: String
    var zone: String?
    /// `starting`, `serving`, `leaving` or `draining`.
    var phase: String
    /// Whether clients should be sent here, and why not.
    var ready: Bool
    var notReadyBecause: String?
    /// The pools that have nobody to send requests to, and no fallback.
    var poolsWithNobody: [String]
    /// Host names of endpoints whose latest lookup found no address.
    var unresolvedNames: [String]
    /// Those of them that stand for what was found before this process.
    var keptNames: [KeptNameAnswer]
    /// Endpoints that are Apus itself.
    var ownEndpoints: [OwnEndpointAnswer]
    /// What is to be known of certificates that soon end, or have, and of renewed ones that are not taken.
    var endingCertificates: [String]
    /// The same of lists of revoked certificates and of OCSP responses that soon are out of date, or are, or cannot be used.
    var revocationWarnings: [String]
    /// What could not be written into the state directory; absent while all is there.
    var unkeptState: String?
    /// The configuration's files as they were refused; absent while they are good.
    var refusedFiles: RefusedFilesAnswer?
    var since: Date
    var uptimeSeconds: Int
    var revision: RevisionAnswer
    /// Endpoints that were changed while running.
    var dynamicChanges: Int
    var requests: RequestsAnswer
    /// What went wrong lately.
    var failures: FailuresAnswer
    /// Absent while the access log takes its lines.
    var accessLogTrouble: AccessLogTroubleAnswer?
    var endpoints: EndpointsAnswer
    var listeners: [ListenerAnswer]
    var workers: [WorkerAnswer]

    struct ProcessAnswer: Encodable {
        var id: Int
        var residentBytes: UInt64?
        var cpuSeconds: Double?
        var openDescriptors: UInt64?
    }

    struct RequestsAnswer: Encodable {
        /// Requests that ended, by the class of their status; `none` ended without one.
        var total: UInt64
        var byClass: [String: UInt64]
        /// Requests at endpoints now, and those that wait for one.
        var inFlight: UInt64
        var queued: UInt64
    }

    struct FailuresAnswer: Encodable {
        /// Of the last so many seconds: a minute to the nearest look, less in a younger process.
        var seconds: Int
        /// Answers of 5xx that Apus made, connections that it turned away, and responses that origins did not complete.
        var byReason: [String: UInt64]
        /// Answers of 5xx by endpoints, by their pool.
        var byPool: [String: UInt64]
        /// TLS handshakes of clients that failed, by what they failed for.
        var handshakes: [String: UInt64]

        /// - Parameter time: how far back `counts` begin, in microseconds.
        init(_ counts: FailureCounts, time: Int64) {
            seconds = max(1, Int((time + 500_000) / 1_000_000))
            (byReason, byPool, handshakes) = (counts.byReason, counts.byPool, counts.handshakes)
        }
    }

    /// Of all pools together.
    struct EndpointsAnswer: Encodable {
        /// Those that new requests may be sent to.
        var available: Int
        var total: Int
        var byState: EndpointCounts

        init(_ scene: AdminScene) {
            byState = EndpointCounts(scene.names.pools.map { EndpointCounts(scene.health.pools[$0]) })
            (available, total) = (byState.available, byState.total)
        }
    }

    struct KeptNameAnswer: Encodable {
        var name: String
        var addresses: [String]
        /// When they were last found.
        var found: Date
    }

    struct AccessLogTroubleAnswer: Encodable {
        var destination: String
        var reason: String
        var since: String
        /// Lines that were dropped since the process began.
        var droppedLines: UInt64

        init?(_ scene: AdminScene) {
            guard let trouble = scene.health.logTrouble else { return nil }
            destination = trouble.destination
            reason = trouble.reason
            since = scene.health.clock.date(trouble.since)
            droppedLines = scene.total(scene.layout.worker(.accessLogDropped))
        }
    }

    struct RefusedFilesAnswer: Encodable {
        var time: Date
        var cause: String
        /// What is wrong with them.
        var reason: String
        /// Whether a process that begins with them would fail.
        var stopsRestart: Bool

        init(_ refused: RefusedFiles) {
            time = Date(timeIntervalSince1970: Double(refused.time / 1_000_000))
            (cause, reason) = (refused.cause.rawValue, refused.reason)
            stopsRestart = refused.stopsRestart
        }
    }

    struct OwnEndpointAnswer: Encodable {
        var pool: String
        var name: String
        var address: String
        /// What it is, and what comes of it.
        var words: String
    }

    struct WorkerAnswer: Encodable {
        var worker: Int
        var busySeconds: Double
        var loopTurns: UInt64
        var bufferBytes: UInt64
    }

    init(
        _ scene: AdminScene, _ readiness: Readiness, _ failures: FailuresAnswer, phase: ServingState.Phase,
        started: Date
    ) {
        version = Version.current
        swift = Version.swift
        let facts = ProcessFacts.read()
        process = ProcessAnswer(
            id: Int(getpid()), residentBytes: facts?.residentBytes,
            cpuSeconds: facts.map { Double($0.cpuMicroseconds) / 1_000_000 }, openDescriptors: facts?.openDescriptors)
        node = scene.snapshot.node
        zone = scene.snapshot.zone
        self.phase =
            switch phase {
            case .starting: "starting"
            case .serving: "serving"
            case .leaving: "leaving"
            case .draining: "draining"
            }
        switch readiness {
        case .ready: ready = true
        case .notReady(let reason):
            ready = false
            notReadyBecause = reason
        }
        poolsWithNobody = scene.health.poolsWithNobody
        unresolvedNames = scene.running.names.unresolved
        keptNames = scene.running.names.kept.names.sorted { $0.key < $1.key }.map { name, kept in
            KeptNameAnswer(
                name: name, addresses: kept.addresses.map { "\($0)" },
                found: Date(timeIntervalSince1970: Double(kept.found)))
        }
        ownEndpoints = scene.running.ownEndpoints.map {
            OwnEndpointAnswer(pool: $0.pool, name: $0.name, address: "\($0.address)", words: "\($0)")
        }
        endingCertificates =
            CertificatesAnswer(scene).certificates.filter(\.endsSoon)
            .sorted { $0.daysLeft < $1.daysLeft }.map(\.warning)
            + scene.running.keptPairs.sorted { $0.file < $1.file }.map(\.words)
        let now = Int64(Date().timeIntervalSince1970)
        revocationWarnings = scene.snapshot.authorityStatements.compactMap {
            $0.warning(at: now, place: $0.place.words(in: scene.snapshot, scene.names))
        }
        unkeptState = scene.running.unkept
        refusedFiles = scene.running.refusedFiles.map { RefusedFilesAnswer($0) }
        since = started
        uptimeSeconds = max(0, Int(Date().timeIntervalSince(started)))
        revision = RevisionAnswer(scene.running.revision, running: scene.running.revision)
        dynamicChanges = scene.running.dynamic.entries.count
        requests = RequestsAnswer(scene)
        self.failures = failures
        accessLogTrouble = AccessLogTroubleAnswer(scene)
        endpoints = EndpointsAnswer(scene)
        listeners = ListenersAnswer(scene).listeners
        let layout = scene.layout
        let counters = scene.view.counters
        workers = (0..<scene.snapshot.workers).map { worker in
            WorkerAnswer(
                worker: worker,
                busySeconds: Double(counters.value(layout.worker(.busyMicroseconds), worker: worker)) / 1_000_000,
                loopTurns: counters.value(layout.worker(.loopTurns), worker: worker),
                bufferBytes: counters.value(layout.worker(.bufferBytes), worker: worker))
        }
    }
}

extension StatusAnswer.RequestsAnswer {
    static let classes = ["none", "1xx", "2xx", "3xx", "4xx", "5xx"]

    init(_ scene: AdminScene) {
        var counts = [UInt64](repeating: 0, count: CounterLayout.statusClasses)
        for row in scene.metrics.rows.flatMap(\.indices) { scene.addRequests(row: row, to: &counts) }
        for statusClass in counts.indices {
            counts[statusClass] += scene.total(scene.layout.departedRequests(statusClass: statusClass))
        }
        total = counts.reduce(0, +)
        byClass = Dictionary(zip(Self.classes, counts), uniquingKeysWith: { first, _ in first })
        inFlight = scene.snapshot.endpoints.indices.reduce(0) { $0 + scene.inFlight(endpoint: $1) }
        queued = scene.snapshot.pools.indices.reduce(0) { $0 + scene.pool($1, .queued) }
    }
}

extension AdminScene {
    /// Adds the requests of a row that ended, by the class of their status.
    func addRequests(row: Int, to counts: inout [UInt64]) {
        for endpoint in layout.endpoints(row: row).map(Int?.some) + [nil] {
            for statusClass in counts.indices {
                counts[statusClass] += total(layout.requests(row: row, endpoint: endpoint, statusClass: statusClass))
            }
        }
    }
}
