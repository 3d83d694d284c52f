public import ApusModel

/// What a person says about a simulation, in words: the arguments of `apus simulate`, before they are understood.
public struct SimulationArguments: Sendable {
    public var pool: String?
    public var load = "1000/s"
    public var duration = "1m"
    public var balancers = "1"
    public var service = "10ms"
    public var serviceTail = "4x"
    public var capacity = "64"
    public var networkDelay = "250us"
    public var loseProbes = "0%"
    public var clients = "10000"
    public var seed = "1"
    public var kill: [String] = []
    public var revive: [String] = []
    public var hang: [String] = []
    public var cutOff: [String] = []
    public var slow: [String] = []
    public var errors: [String] = []
    public var flap: [String] = []
    /// What the balancers' machine lacks.
    public var lackPorts: [String] = []
    public var lackDescriptors: [String] = []
    public var lackMemory: [String] = []
    /// Routes of some of the requests.
    public var route: [String] = []
    /// When clients leave that have no answer; nil for never.
    public var giveUp: String?
    /// An algorithm to use instead of the pool's own.
    public var balance: String?
    /// The algorithms to compare, by name, separated by commas, or `all`; nil for the pool's own alone.
    public var compare: String?

    public init() {}

    /// The scenario that they describe, on a configuration.
    public func scenario(of snapshot: Snapshot) throws(ArgumentMistake) -> Scenario {
        var scenario = Scenario(snapshot: snapshot, pool: try poolIndex(in: snapshot))
        scenario.load = try Quantity.rate(load, of: "--load")
        scenario.duration = try Quantity.duration(duration, of: "--duration")
        scenario.balancers = try Quantity.count(balancers, of: "--balancers", in: 1...1000)
        scenario.clients = try Quantity.count(clients, of: "--clients", in: 1...10_000_000)
        scenario.lostProbes = try Quantity.percent(loseProbes, of: "--lose-probes")
        scenario.seed = try Quantity.seed(seed, of: "--seed")
        scenario.origins.capacity = try Quantity.count(capacity, of: "--capacity", in: 1...1_000_000)
        scenario.origins.networkDelay = try Quantity.duration(networkDelay, of: "--network-delay")
        scenario.origins.service.mean = Double(try Quantity.duration(service, of: "--service"))
        scenario.origins.service.shape = try Quantity.tail(serviceTail, of: "--service-tail")
        scenario.faults = try faults(in: scenario)
        scenario.shortages = try shortages(in: scenario)
        scenario.routes = try RouteReader(known: scenario.knownRoutes).shares(route)
        if let giveUp { scenario.impatience = try Self.impatience(giveUp) }
        guard let balance else { return scenario }
        let algorithm = try algorithm(balance, "--balance", "one of", example: "--balance peak-ewma")
        return scenario.changingPool { $0.balance = algorithm }
    }

    /// The algorithms to compare, in the order in which they were named; round-robin comes first in any case, since it is
    /// what the others are compared with.
    public func compared() throws(ArgumentMistake) -> [Balance]? {
        guard let compare else { return nil }
        guard compare != "all" else { return Balance.allCases }
        var chosen = [Balance.roundRobin]
        for name in compare.split(separator: ",").map(String.init) {
            let balance = try algorithm(
                name, "--compare", "all, or algorithms, separated by commas, of",
                example: "--compare round-robin,peak-ewma")
            if !chosen.contains(balance) { chosen.append(balance) }
        }
        return chosen
    }

    private func algorithm(
        _ name: String, _ argument: String, _ expected: String, example: String
    ) throws(ArgumentMistake) -> Balance {
        guard let balance = Balance(rawValue: name) else {
            let known = Balance.allCases.map(\.rawValue).joined(separator: ", ")
            throw ArgumentMistake(argument, found: name, expected: "\(expected) \(known)", example: example)
        }
        return balance
    }

    private func poolIndex(in snapshot: Snapshot) throws(ArgumentMistake) -> Int {
        let names = snapshot.pools.map(\.name)
        if names.isEmpty {
            throw ArgumentMistake(
                "--config", found: nil,
                expected: "a configuration with a pool, since a day of its endpoints is run through",
                example: "pools: { web: { endpoints: [127.0.0.1:3001] } }")
        }
        let example = "--pool \(names.first ?? "web")"
        guard let pool else {
            guard names.count == 1 else {
                throw ArgumentMistake(
                    "--pool", found: nil, expected: "one of the pools \(names.joined(separator: ", "))",
                    example: example)
            }
            return 0
        }
        guard let index = names.firstIndex(of: pool) else {
            throw ArgumentMistake(
                "--pool", found: pool, expected: "one of the pools \(names.joined(separator: ", "))", example: example)
        }
        return index
    }

    /// `5s`, or `5s:10%`.
    private static func impatience(_ text: String) throws(ArgumentMistake) -> Impatience {
        let parts = text.split(separator: ":", omittingEmptySubsequences: false).map(String.init)
        guard parts.count <= 2, let time = Quantity.duration(parts[0]), time > 0,
            let share = parts.count == 2 ? Quantity.share(parts[1]) : 1
        else {
            throw ArgumentMistake(
                "--give-up", found: text, expected: "a duration, and the share of clients if not all of them",
                example: "--give-up 5s:10%")
        }
        return Impatience(time: time, share: share)
    }

    // MARK: - Faults

    private func shortages(in scenario: Scenario) throws(ArgumentMistake) -> [MachineShortage] {
        let reader = FaultReader(scenario: scenario)
        var shortages: [MachineShortage] = []
        for text in lackPorts { shortages.append(try reader.ports(text)) }
        for text in lackDescriptors { shortages.append(try reader.lack(text, "--lack-descriptors", .descriptors)) }
        for text in lackMemory { shortages.append(try reader.lack(text, "--lack-memory", .memory)) }
        return shortages
    }

    private func faults(in scenario: Scenario) throws(ArgumentMistake) -> [Fault] {
        let reader = FaultReader(scenario: scenario)
        var faults: [Fault] = []
        for text in kill { faults.append(try reader.plain(text, "--kill", .kill)) }
        for text in revive { faults.append(try reader.plain(text, "--revive", .revive)) }
        for text in hang { faults.append(try reader.plain(text, "--hang", .hang)) }
        for text in cutOff { faults.append(try reader.plain(text, "--cut-off", .cutOff)) }
        for text in slow { faults.append(try reader.slow(text)) }
        for text in errors { faults.append(try reader.errors(text)) }
        for text in flap { faults.append(try reader.flap(text)) }
        // By time; at the same time in the order above, so that the order of the arguments does not matter.
        return faults.enumerated().sorted { ($0.element.at, $0.offset) < ($1.element.at, $1.offset) }.map(\.element)
    }
}

/// An argument that cannot be understood: what was found, what was expected, and an example.
public struct ArgumentMistake: Error, Equatable, CustomStringConvertible {
    public let description: String

    /// - Parameter found: nil when the argument is missing.
    init(_ argument: String, found: String?, expected: String, example: String) {
        let what =
            found.map { "\(argument): \"\($0)\" is not understood; expected" } ?? "\(argument) is missing; it takes"
        description = "\(what) \(expected), such as: \(example)"
    }
}
