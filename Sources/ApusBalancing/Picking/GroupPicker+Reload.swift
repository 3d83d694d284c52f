import ApusModel

// MARK: - A reload

extension GroupPicker {
    /// Goes on where the group stood before a reload, as far as that means something to this one's algorithm. This one
    /// knows already which of its endpoints are candidates, and their weights.
    mutating func inherit(from old: GroupPicker, _ survivors: Survivors, now: Int64) {
        if balance == .roundRobin || balance == .hash, old.balance == .roundRobin || old.balance == .hash {
            roundRobin.inherit(from: old.roundRobin, survivors)
        }
        guard balance == old.balance else { return }
        switch balance {
        case .roundRobin: break
        case .weightedRoundRobin:
            weightedRoundRobin.inherit(
                from: old.weightedRoundRobin, weights: old.endpoints, survivors, in: endpoints)
        case .random, .weightedRandom: random.inherit(from: old.random)
        case .leastConnections: leastConnections.inherit(from: old.leastConnections, survivors, in: endpoints)
        case .leastRequests: leastRequests.inherit(from: old.leastRequests)
        case .peakEWMA: peakEWMA.inherit(from: old.peakEWMA)
        case .leastTime: leastTime.inherit(from: old.leastTime, survivors, in: endpoints, now: now)
        case .first: firstFit.inherit(from: old.firstFit)
        case .hash: hashing.inherit(from: old.hashing, survivors)
        }
    }

    /// How long endpoints take to answer; nil where the algorithm does not ask.
    var times: ResponseTimes? {
        get {
            switch balance {
            case .peakEWMA: peakEWMA.times
            case .leastTime: leastTime.times
            case .roundRobin, .weightedRoundRobin, .random, .weightedRandom, .leastConnections, .leastRequests, .first,
                .hash:
                nil
            }
        }
        set {
            guard let newValue else { return }
            switch balance {
            case .peakEWMA: peakEWMA.times = newValue
            case .leastTime: leastTime.times = newValue
            case .roundRobin, .weightedRoundRobin, .random, .weightedRandom, .leastConnections, .leastRequests, .first,
                .hash:
                break
            }
        }
    }
}

extension RoundRobin {
    /// The turn is that of the first survivor from the endpoint on whose turn it was.
    mutating func inherit(from old: RoundRobin, _ survivors: Survivors) {
        let count = survivors.toNew.count
        for step in 0..<count {
            let index = Int(survivors.toNew[(old.turn + step) % count])
            if index >= 0 {
                turn = index
                return
            }
        }
    }
}

extension WeightedRoundRobin {
    /// - Parameter before: the weights that `old` went by.
    mutating func inherit(
        from old: WeightedRoundRobin, weights before: EndpointTable, _ survivors: Survivors, in endpoints: EndpointTable
    ) {
        switch (isSmall, old.isSmall) {
        case (true, true): smooth.inherit(from: old.smooth, survivors, in: endpoints)
        case (false, false): deadlines.inherit(from: old.deadlines, weights: before, survivors, in: endpoints)
        case (true, false): smooth.wait(survivors.renamed(old.deadlines.waits(before), else: nil))
        case (false, true): deadlines.wait(survivors.renamed(old.smooth.waits, else: nil), in: endpoints)
        }
    }
}

extension RandomChoice {
    mutating func inherit(from old: RandomChoice) { random = old.random }
}

extension LeastConnections {
    mutating func inherit(from old: LeastConnections, _ survivors: Survivors, in endpoints: EndpointTable) {
        search.inherit(from: old.search, survivors, in: endpoints, rule: LoadByWeight(), now: 0)
    }
}

extension LeastRequests {
    mutating func inherit(from old: LeastRequests) { random = old.random }
}

extension PeakEWMA {
    mutating func inherit(from old: PeakEWMA) { random = old.random }
}

extension LeastTime {
    /// The response times have been taken over already.
    mutating func inherit(from old: LeastTime, _ survivors: Survivors, in endpoints: EndpointTable, now: Int64) {
        self.now = now
        search.inherit(from: old.search, survivors, in: endpoints, rule: times, now: now)
    }
}

extension FirstFit {
    mutating func inherit(from old: FirstFit) { turn = old.turn }
}

extension LeastCost {
    mutating func inherit(
        from old: LeastCost, _ survivors: Survivors, in endpoints: EndpointTable, rule: some CostRule, now: Int64
    ) {
        random = old.random
        turn = old.turn
        guard !isSmall else { return }
        // What a small group did not remember is asked before it is believed.
        if !old.isSmall { loads = survivors.renamed(old.loads, else: 0) }
        tree.build { index in
            guard endpoints.isCandidate(index) else { return CostTree.absent }
            return rule.cost(index, load: Int(loads[index]), weight: endpoints.weight(index), now: now)
        }
    }
}

extension CostTree {
    /// Sets all costs at once, in one step per place.
    mutating func build(_ cost: (Int) -> UInt64) {
        for place in 0..<count {
            let cost = cost(place)
            nodes[count + place] = Node(cost: cost, ties: cost == Self.absent ? 0 : 1)
        }
        for node in (1..<max(1, count)).reversed() {
            let (left, right) = (nodes[2 * node], nodes[2 * node + 1])
            let least = min(left.cost, right.cost)
            nodes[node] = Node(
                cost: least, ties: (left.cost == least ? left.ties : 0) + (right.cost == least ? right.ties : 0))
        }
    }
}

extension HashPicker {
    /// What the bound has seen; the tables are of the endpoints' names and need nothing.
    mutating func inherit(from old: HashPicker, _ survivors: Survivors) {
        guard bound.isOn, old.bound.isOn else { return }
        bound.seen = survivors.renamed(old.bound.seen, else: 0)
        bound.sum = bound.seen.reduce(0, +)
    }
}
