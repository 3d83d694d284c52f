import ApusHTTP
public import ApusModel

/// Everything Apus counts, as Prometheus text (exposition format 0.0.4).
///
/// The names, types and labels of the metrics are part of what Apus promises; docs/metrics.md lists them. What a reload has
/// retired is not shown: a scrape must not have the same labels twice, when something was removed and added again.
public struct MetricsText: Sendable {
    /// The `Content-Type` of the text.
    public static let contentType = "text/plain; version=0.0.4; charset=utf-8"

    let snapshot: Snapshot
    let layout: CounterLayout
    let counters: any CounterSource
    let names: SnapshotNames
    /// The labels `pool` and `endpoint` of each endpoint.
    let endpointLabels: [LabelSet]
    let rows: [Row]

    /// Series that routes may have together. Those that come later in the configuration than the one that would go beyond
    /// it share one row per listener and pool, whose route is `other`.
    public static let defaultRouteSeries = 20_000

    /// The requests that a route matched, or several, or that no route of a listener matched.
    struct Row: Sendable {
        /// The rows of the counters that are added up. They have the same endpoints.
        var indices: [Int]
        var listener: Int
        /// The label of the route; `none` when no route matched, `other` for several.
        var route: String
        /// The pool; nil when no route matched.
        var pool: Int?
    }

    /// - Parameter routeSeries: bounds the size of a scrape, see `defaultRouteSeries`.
    public init(snapshot: Snapshot, counters: any CounterSource, routeSeries: Int = defaultRouteSeries) {
        self.init(
            snapshot, SnapshotNames(snapshot), snapshot.counterLayout, counters: counters, routeSeries: routeSeries)
    }

    init(
        _ snapshot: Snapshot, _ names: SnapshotNames, _ layout: CounterLayout, counters: any CounterSource,
        routeSeries: Int = defaultRouteSeries
    ) {
        self.snapshot = snapshot
        self.counters = counters
        self.layout = layout
        self.names = names
        endpointLabels = snapshot.endpoints.indices.map { index in
            ["pool": names.poolNames[snapshot.endpoints[index].pool], "endpoint": names.endpointNames[index]]
        }
        rows = Self.rows(of: snapshot, layout, series: routeSeries)
    }

    /// The text of one scrape. Reads every counter once; the sums of a histogram agree with its buckets.
    ///
    /// - Parameters:
    ///   - health: of the same snapshot. That of another one, which may be had for a moment at a reload, is left out.
    ///   - reloads: nil where the configuration is never reloaded.
    public func render(health: HealthReport, reloads: ReloadFacts? = nil) -> String {
        var text = ""
        render(health: health, reloads: reloads, names: nil, admin: nil) { text += $0 }
        return text
    }

    /// The same in pieces of about 64 KiB, so that the whole is nowhere twice.
    func render(
        health: HealthReport, reloads: ReloadFacts?, names: NameFacts?, admin: AdminConnectionFacts?,
        into sink: (String) -> Void
    ) {
        withoutActuallyEscaping(sink) { sink in
            var writer = ExpositionWriter(sink: sink)
            write(health: health, reloads: reloads, names: names, admin: admin, to: &writer)
            writer.finish()
        }
    }

    private func write(
        health: HealthReport, reloads: ReloadFacts?, names: NameFacts?, admin: AdminConnectionFacts?,
        to writer: inout ExpositionWriter
    ) {
        writeBuild(to: &writer)
        writeRequests(to: &writer)
        writeDurations(to: &writer)
        writeRefusals(to: &writer)
        writeListeners(to: &writer)
        writeTLS(to: &writer)
        writeProxyHeaders(to: &writer)
        writeUpstream(to: &writer)
        let health = health.snapshot === snapshot ? health : nil
        if let health {
            writeHealth(health, to: &writer)
            writeBreakers(health, to: &writer)
            writePanic(health, to: &writer)
        }
        writePools(to: &writer)
        writeWorkers(to: &writer)
        reloads?.write(to: &writer)
        names?.write(to: &writer)
        admin?.write(to: &writer)
        ProcessFacts.read()?.write(to: &writer)
    }

    func writeBuild(to writer: inout ExpositionWriter) {
        writer.family("apus_build_info", .gauge, "Always 1; its labels tell which Apus this is.")
        writer.sample(["version": Version.current, "swift": Version.swift], 1)
    }

    var listeners: [Int] { names.listeners }
    var pools: [Int] { names.pools }
    var endpoints: [Int] { names.endpoints }
    var listenerNames: [String] { names.listenerNames }
    var poolNames: [String] { names.poolNames }
    var endpointNames: [String] { names.endpointNames }
}
