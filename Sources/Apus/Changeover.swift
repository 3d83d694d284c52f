import ApusAddresses
import ApusControl
import ApusModel
import ApusProxy
import ApusTLS

/// Carries the workers, the prober and everybody who looks on from one snapshot to the next.
actor Changeover: SnapshotAdopter {
    private let dataPlane: DataPlane
    private let prober: Prober
    private let live: Live
    private let failures: RecentFailures
    /// What TLS is made from; nil where nobody speaks it.
    private var shields: TLSShields?
    private let tickets: TicketKeys
    private var epoch = 0

    init(
        _ dataPlane: DataPlane, _ prober: Prober, _ live: Live, _ failures: RecentFailures, _ shields: TLSShields?,
        _ tickets: TicketKeys
    ) {
        self.shields = shields
        self.tickets = tickets
        self.dataPlane = dataPlane
        self.prober = prober
        self.live = live
        self.failures = failures
    }

    /// One at a time: `RunningConfiguration` asks for the next when this one has returned.
    func adopt(_ snapshot: Snapshot) async throws {
        try snapshot.check(knowing: dataPlane.snapshot)
        guard let census = await dataPlane.census() else { throw ChangeoverError.ending }
        let succession = Succession(from: dataPlane.snapshot, to: snapshot, census: census)
        let shields = try TLSShields(for: succession.snapshot, tickets: tickets, after: shields)
        let prepared = try dataPlane.prepare(succession, shields: shields)
        let dataPlane = dataPlane
        do {
            // In one step of the prober: what it says to the workers before is in the old indices, what it says after in
            // the new ones.
            try await prober.adopt(succession, epoch: epoch + 1) {
                guard dataPlane.handOver(prepared) else { throw ChangeoverError.ending }
            }
        } catch {
            prepared.cancel()
            throw error
        }
        epoch += 1
        self.shields = shields
        await dataPlane.finish(prepared)
        live.view = Live.View(
            snapshot: succession.snapshot, counters: dataPlane.counters, addresses: dataPlane.addresses)
        failures.turn(to: live)
        await prober.use(dataPlane.counters)
    }

    func setWeight(pool: String, endpoint: SocketAddress, weight: Int) async {
        _ = await prober.setWeight(pool: pool, endpoint: endpoint, weight: weight)
    }
}

enum ChangeoverError: Error, CustomStringConvertible {
    case ending

    var description: String { "this process is ending, and takes no other configuration" }
}
