/// What Apus had counted at a moment, in the shape in which it is shown.
public struct Traffic: Sendable {
    /// When it was counted, in seconds of any clock that does not go back.
    public var time: Double
    var metrics: Exposition

    public init(_ metrics: Exposition, time: Double) {
        self.metrics = metrics
        self.time = time
    }
}

/// What happened between two moments: rates a second, and what is so at the second of them.
struct TrafficRates: Sendable {
    private let before: Exposition
    private let now: Exposition
    private let seconds: Double
    /// Whether there were two moments. With one alone the rates are those since the process began.
    let isInterval: Bool

    /// - Parameter before: nil for rates since the process began.
    init(from before: Traffic?, to now: Traffic, uptime: Double) {
        self.now = now.metrics
        // Counters that have become smaller are those of another process, which began at zero.
        let goesOn = before.map { $0.metrics.total("apus_worker_loop_turns_total") }
            .map { $0 <= now.metrics.total("apus_worker_loop_turns_total") }
        if let before, goesOn == true, now.time > before.time {
            self.before = before.metrics
            seconds = now.time - before.time
            isInterval = true
        } else {
            self.before = Exposition("")
            seconds = max(uptime, 0.001)
            isInterval = false
        }
    }

    /// A counter's rate, summed up by what `key` says of its samples; those of which it says nil are left out.
    func rates(_ name: String, by key: ([String: String]) -> [String]?) -> [[String]: Double] {
        var rates: [[String]: Double] = [:]
        for sample in now[name] {
            guard let key = key(sample.labels) else { continue }
            rates[key, default: 0] += sample.value / seconds
        }
        for sample in before[name] {
            // What is no more there counts for nothing.
            guard let key = key(sample.labels), rates[key] != nil else { continue }
            rates[key, default: 0] -= sample.value / seconds
        }
        return rates.mapValues { max(0, $0) }
    }

    /// A counter's rate over all its samples.
    func rate(_ name: String, where isMeant: ([String: String]) -> Bool = { _ in true }) -> Double {
        rates(name) { isMeant($0) ? [] : nil }[[]] ?? 0
    }

    /// The value of a gauge by what `key` says of its samples, summed up.
    func values(_ name: String, by key: ([String: String]) -> [String]?) -> [[String]: Double] {
        var values: [[String]: Double] = [:]
        for sample in now[name] {
            guard let key = key(sample.labels) else { continue }
            values[key, default: 0] += sample.value
        }
        return values
    }

    /// The distribution of a histogram's new entries, by what `key` says of its samples.
    func distributions(_ name: String, by key: ([String: String]) -> [String]?) -> [[String]: Distribution] {
        // Buckets are counters: their rates are what came in.
        let buckets = rates("\(name)_bucket") { labels in key(labels).map { $0 + [labels["le"] ?? ""] } }
        var made: [[String]: Distribution] = [:]
        for (key, rate) in buckets {
            guard let text = key.last, let bound = text == "+Inf" ? .infinity : Double(text) else { continue }
            made[Array(key.dropLast()), default: Distribution()].buckets.append((bound, rate))
        }
        return made.mapValues { $0.sorted }
    }
}

/// How values are spread, as a histogram with upper bounds knows it.
struct Distribution {
    /// Upper bounds, and how much lies at or below each.
    var buckets: [(bound: Double, below: Double)] = []

    var sorted: Distribution { Distribution(buckets: buckets.sorted { $0.bound < $1.bound }) }

    /// The value that the share `quantile` of all stays under, as far as the bounds tell: straight between two of them,
    /// the greatest one where it is above. Nil for nothing.
    func quantile(_ quantile: Double) -> Double? {
        guard let all = buckets.last?.below, all > 0 else { return nil }
        let wanted = all * quantile
        var lower = (bound: 0.0, below: 0.0)
        for bucket in buckets {
            guard bucket.below < wanted else {
                guard bucket.bound.isFinite, bucket.below > lower.below else { return lower.bound }
                return lower.bound
                    + (bucket.bound - lower.bound) * (wanted - lower.below) / (bucket.below - lower.below)
            }
            lower = bucket
        }
        return lower.bound
    }
}
