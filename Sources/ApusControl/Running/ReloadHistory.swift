import ApusModel

/// The last reloads, for what is told in indices from before them.
///
/// A worker reports in the indices of the snapshot that it runs, and what it reported may wait to be read. Once all workers
/// have gone over to a snapshot, nobody reports in older indices; what was reported before that is given until the next
/// reload has come that far, too, and is too old to matter then.
struct ReloadHistory {
    /// How many reloads there have been.
    private(set) var epoch = 0
    private var successions: [(epoch: Int, succession: Succession)] = []
    /// The last one that reached all workers.
    private var reached = 0

    mutating func add(_ succession: Succession, epoch: Int) {
        self.epoch = epoch
        successions.append((epoch, succession))
    }

    /// All workers run the present snapshot.
    mutating func reachedWorkers() {
        successions.removeAll { $0.epoch <= reached }
        reached = epoch
    }

    /// How many are kept.
    var count: Int { successions.count }

    /// The fact in the indices of the present snapshot; nil when what it is about is gone, or the fact too old.
    func renamed(_ report: ReportedFact) -> DataPlaneFact? {
        guard report.epoch < epoch else { return report.fact }
        guard let oldest = successions.first, oldest.epoch <= report.epoch + 1 else { return nil }
        var fact = report.fact
        for (epoch, succession) in successions where epoch > report.epoch {
            guard let renamed = fact.renamed(by: succession) else { return nil }
            fact = renamed
        }
        return fact
    }
}
