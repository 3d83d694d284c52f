internal import ApusModel

/// Keeps an endpoint that has come back from getting its full share of the requests at once.
///
/// For a window after its return an endpoint ramps up: of the picks that fall on it, it is let have its share, and the
/// others are made again without it. `SlowStartRamp` says what the share is. This works for every algorithm, with its state
/// as it is, and costs nothing while nothing ramps.
///
/// What a share is of differs. Where picks do not depend on load, an endpoint that is let have every second pick has half
/// of what it will have. Where they do, every pick would fall on the one endpoint with nothing in flight, and half of
/// *those* would be far too many; there it is let have no more than its share of what its weight stands for among the
/// picks of its rank. A credit grows by that with every pick, and each pick that it is let have takes one away.
@usableFromInline
struct SlowStartGate: Sendable {
    /// Whether a ramp may be under way: then picks must ask.
    @usableFromInline private(set) var isActive = false
    /// When the last ramp ends.
    @usableFromInline private(set) var until = Int64.min
    /// Whether an endpoint's credit decides, rather than chance alone.
    @usableFromInline let usesCredit: Bool
    /// When each endpoint came back; Int64.min when it does not ramp. Empty in pools without slow start.
    private var began: [Int64]
    private var credits: [Credit]
    /// How many picks there have been in each rank since ramps began.
    @usableFromInline private(set) var picks: [Int]
    private let ramp: SlowStartRamp?
    private let window: Int64
    private var random: SplitMix64

    private struct Credit: Sendable {
        var value: Double
        /// `picks` when the value was right.
        var picks: Int
    }

    /// What a credit may grow to: an endpoint that had no pick for long does not get many in a row.
    private static let mostCredit = 4.0

    /// - Parameters:
    ///   - slowStart: nil for a pool without.
    ///   - count: how many endpoints the pool has.
    init(_ slowStart: SlowStart?, balance: Balance, count: Int, ranks: Int, seed: UInt64) {
        let usesCredit = balance.slowStartMethod == .credit
        ramp = SlowStartRamp(slowStart, balance: balance)
        window = ramp?.window ?? 0
        self.usesCredit = usesCredit
        began = window == 0 ? [] : Array(repeating: .min, count: count)
        credits = window == 0 || !usesCredit ? [] : Array(repeating: Credit(value: 0, picks: 0), count: count)
        picks = Array(repeating: 0, count: ranks)
        random = SplitMix64(seed: seed)
    }

    // MARK: Changes

    /// The endpoint has come back: its ramp begins.
    mutating func begin(_ index: Int, rank: Int, now: Int64) {
        guard window > 0 else { return }
        began[index] = now
        until = max(until, now + window)
        isActive = true
        // A part of a credit by chance, or else all workers would let their first pick pass equally late.
        if usesCredit { credits[index] = Credit(value: Double.random(in: 0..<1, using: &random), picks: picks[rank]) }
    }

    /// Goes on with the ramps that are under way after a reload, by the rules there are now.
    ///
    /// - Parameters:
    ///   - ranks: of each rank, the one of `old` that it goes on from; nil for one that is new.
    ///   - rankOf: of each endpoint, its rank now; `oldRankOf`, its rank then.
    mutating func inherit(
        from old: SlowStartGate, _ survivors: Survivors, ranks: [Int?], rankOf: [Int32], oldRankOf: [Int32], now: Int64
    ) {
        random = old.random
        guard window > 0, old.isActive else { return }
        for (rank, origin) in ranks.enumerated() { picks[rank] = origin.map { old.picks[$0] } ?? 0 }
        for (index, origin) in survivors.toOld.enumerated() where origin >= 0 {
            let origin = Int(origin)
            guard old.began[origin] != .min, now - old.began[origin] < window else { continue }
            began[index] = old.began[origin]
            until = max(until, began[index] + window)
            isActive = true
            guard usesCredit else { continue }
            let picks = picks[Int(rankOf[index])]
            guard old.usesCredit else {
                credits[index] = Credit(value: 0, picks: picks)
                continue
            }
            // As many picks ago as it was.
            let credit = old.credits[origin]
            let ago = old.picks[Int(oldRankOf[origin])] - credit.picks
            credits[index] = Credit(value: credit.value, picks: picks - ago)
        }
    }

    /// The endpoint is gone, or drains: it ramps no more.
    mutating func end(_ index: Int) {
        if window > 0 { began[index] = .min }
    }

    /// All ramps are over, `until` having passed.
    @usableFromInline
    mutating func finish() {
        for index in began.indices { began[index] = .min }
        isActive = false
    }

    // MARK: Picks

    /// A pick is being made in the rank, while a ramp may be under way.
    @inlinable
    mutating func pickBegan(rank: Int) { picks[rank] &+= 1 }

    /// Whether a pick that fell on the endpoint is let pass.
    ///
    /// - Parameter part: what the endpoint's weight stands for in its rank, 0 to 1.
    @usableFromInline
    mutating func admits(_ index: Int, rank: Int, part: Double, now: Int64) -> Bool {
        let share = share(of: index, now: now)
        guard share < 1 else { return true }
        guard usesCredit else { return Double.random(in: 0..<1, using: &random) < share }
        let gained = Double(picks[rank] &- credits[index].picks) * share * part
        let value = min(Self.mostCredit, credits[index].value + gained)
        credits[index] = Credit(value: value >= 1 ? value - 1 : value, picks: picks[rank])
        return value >= 1
    }

    /// What the endpoint gets of its full share now: 1 when it does not ramp.
    func share(of index: Int, now: Int64) -> Double {
        guard isActive, began[index] != .min, let ramp else { return 1 }
        return ramp.share(after: now - began[index])
    }
}
