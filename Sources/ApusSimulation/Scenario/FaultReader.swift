import ApusModel

/// Reads what is done to an endpoint: `web-2@3m`, `10.0.0.2:80@3m`, `web-3@5m:10x`.
///
/// An endpoint is named as in the configuration, or by its pool's name and its place in it, from 1.
struct FaultReader {
    let scenario: Scenario

    func plain(_ text: String, _ argument: String, _ kind: Fault.Kind) throws(ArgumentMistake) -> Fault {
        let example = "\(argument) \(scenario.name(0))@3m"
        let parts = try split(text, argument, hasValue: false, example: example)
        return Fault(endpoint: parts.endpoint, at: parts.at, kind)
    }

    func slow(_ text: String) throws(ArgumentMistake) -> Fault {
        let example = "--slow \(scenario.name(0))@5m:10x"
        let parts = try split(text, "--slow", hasValue: true, example: example)
        guard let factor = Quantity.factor(parts.value), factor > 0 else {
            throw ArgumentMistake("--slow", found: text, expected: "a factor at the end, as in 10x", example: example)
        }
        return Fault(endpoint: parts.endpoint, at: parts.at, .slow(factor: factor))
    }

    func errors(_ text: String) throws(ArgumentMistake) -> Fault {
        let example = "--errors \(scenario.name(0))@2m:30%"
        let parts = try split(text, "--errors", hasValue: true, example: example)
        guard let share = Quantity.share(parts.value) else {
            throw ArgumentMistake(
                "--errors", found: text, expected: "a share of requests at the end, from 0% to 100%", example: example)
        }
        return Fault(endpoint: parts.endpoint, at: parts.at, .errors(share: share))
    }

    func flap(_ text: String) throws(ArgumentMistake) -> Fault {
        let example = "--flap \(scenario.name(0))@1m:1s"
        let parts = try split(text, "--flap", hasValue: true, example: example)
        guard let period = Quantity.duration(parts.value), period > 0 else {
            throw ArgumentMistake(
                "--flap", found: text, expected: "how long it stays dead, and alive, at the end", example: example)
        }
        return Fault(endpoint: parts.endpoint, at: parts.at, .flap(period: period))
    }

    /// `web-2@3m:10s`: no local port is left for connections to the endpoint.
    func ports(_ text: String) throws(ArgumentMistake) -> MachineShortage {
        let example = "--lack-ports \(scenario.name(0))@3m:10s"
        let parts = try split(text, "--lack-ports", hasValue: true, example: example)
        guard let time = Quantity.duration(parts.value), time > 0 else {
            throw ArgumentMistake("--lack-ports", found: text, expected: "for how long at the end", example: example)
        }
        return MachineShortage(.ports, endpoint: parts.endpoint, at: parts.at, until: parts.at + time)
    }

    /// `3m:10s`: the machine lacks something for all connections.
    func lack(_ text: String, _ argument: String, _ shortage: Shortage) throws(ArgumentMistake) -> MachineShortage {
        let parts = text.split(separator: ":", omittingEmptySubsequences: false).map(String.init)
        guard parts.count == 2, let at = Quantity.duration(parts[0]), let time = Quantity.duration(parts[1]), time > 0
        else {
            throw ArgumentMistake(
                argument, found: text, expected: "TIME:DURATION", example: "\(argument) 3m:10s")
        }
        return MachineShortage(shortage, at: at, until: at + time)
    }

    private func split(
        _ text: String, _ argument: String, hasValue: Bool, example: String
    ) throws(ArgumentMistake) -> (endpoint: Int, at: VirtualTime, value: String) {
        let form = hasValue ? "ENDPOINT@TIME:VALUE" : "ENDPOINT@TIME"
        // From the right: an address has colons of its own, and no at sign.
        let halves = text.split(separator: "@", omittingEmptySubsequences: false).map(String.init)
        guard halves.count == 2 else {
            throw ArgumentMistake(argument, found: text, expected: form, example: example)
        }
        let rest = halves[1].split(separator: ":", omittingEmptySubsequences: false).map(String.init)
        guard rest.count == (hasValue ? 2 : 1), let at = Quantity.duration(rest[0]) else {
            throw ArgumentMistake(argument, found: text, expected: form, example: example)
        }
        guard let endpoint = endpoint(named: halves[0]) else {
            let last = scenario.name(scenario.endpointCount - 1)
            throw ArgumentMistake(
                argument, found: text,
                expected: "an endpoint of the pool, by its address or as one of \(scenario.name(0)) to \(last)",
                example: example)
        }
        return (endpoint, at, hasValue ? rest[1] : "")
    }

    private func endpoint(named name: String) -> Int? {
        scenario.snapshot.endpoints.indices.first { index in
            scenario.name(index) == name || scenario.snapshot.endpoints[index].name == name
        }
    }
}
