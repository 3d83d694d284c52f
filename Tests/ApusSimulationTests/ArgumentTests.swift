import ApusModel
import Testing

@testable import ApusSimulation

@Suite struct ArgumentTests {
    private func arguments(_ change: (inout SimulationArguments) -> Void) -> SimulationArguments {
        var arguments = SimulationArguments()
        change(&arguments)
        return arguments
    }

    /// What is said of arguments that cannot be understood.
    private func mistake(_ change: (inout SimulationArguments) -> Void) -> String {
        let arguments = arguments(change)
        do {
            _ = try arguments.scenario(of: snapshot())
            _ = try arguments.compared()
            return ""
        } catch {
            return error.description
        }
    }

    /// A configuration that answers all by itself has none.
    @Test func thereMustBeAPool() {
        let none = Snapshot(workers: 1, listeners: [], routes: [], pools: [], endpoints: [])
        let mistake = #expect(throws: ArgumentMistake.self) { try SimulationArguments().scenario(of: none) }
        #expect(mistake?.description.contains("a configuration with a pool") == true)
    }

    @Test func everythingIsUnderstood() throws {
        let scenario = try arguments {
            $0.load = "2000/s"
            $0.duration = "1m30s"
            $0.balancers = "3"
            $0.service = "1.5ms"
            $0.serviceTail = "exponential"
            $0.capacity = "8"
            $0.loseProbes = "10%"
            $0.seed = "7"
            $0.balance = "peak-ewma"
            $0.kill = ["web-2@3m"]
            $0.revive = ["10.0.0.2:80@4m"]
            $0.slow = ["web-3@5s:10x"]
            $0.errors = ["web-1@2m:30%"]
            $0.flap = ["web-5@0s:1s"]
            $0.lackPorts = ["web-2@3m:10s"]
            $0.lackDescriptors = ["1m:5s"]
            $0.lackMemory = ["2m:1s"]
            $0.giveUp = "5s:10%"
        }.scenario(of: snapshot())
        #expect(scenario.load == 2000)
        #expect(scenario.duration == 90 * second)
        #expect(scenario.balancers == 3)
        #expect(scenario.origins.service == ServiceTime(mean: .microseconds(1500), shape: .exponential))
        #expect(scenario.origins.capacity == 8)
        #expect(scenario.lostProbes == 0.1)
        #expect(scenario.seed == 7)
        #expect(scenario.pool.balance == .peakEWMA)
        #expect(
            scenario.shortages == [
                MachineShortage(.ports, endpoint: 1, at: 180 * second, until: 190 * second),
                MachineShortage(.descriptors, at: 60 * second, until: 65 * second),
                MachineShortage(.memory, at: 120 * second, until: 121 * second),
            ])
        #expect(scenario.impatience == Impatience(time: 5 * second, share: 0.1))
        #expect(
            scenario.faults == [
                Fault(endpoint: 4, at: 0, .flap(period: second)), Fault(endpoint: 2, at: 5 * second, .slow(factor: 10)),
                Fault(endpoint: 0, at: 120 * second, .errors(share: 0.3)), Fault(endpoint: 1, at: 180 * second, .kill),
                Fault(endpoint: 1, at: 240 * second, .revive),
            ])
    }

    @Test func aMistakeIsToldWithAnExample() {
        #expect(
            mistake { $0.load = "2000" }
                == "--load: \"2000\" is not understood; expected requests per second, minute or hour, such as: "
                + "--load 2000/s")
        #expect(
            mistake { $0.kill = ["web-9@3m"] }
                == "--kill: \"web-9@3m\" is not understood; expected an endpoint of the pool, by its address or as one "
                + "of web-1 to web-5, such as: --kill web-1@3m")
        #expect(
            mistake { $0.slow = ["web-2@3m"] }
                == "--slow: \"web-2@3m\" is not understood; expected ENDPOINT@TIME:VALUE, such as: "
                + "--slow web-1@5m:10x")
        #expect(
            mistake { $0.pool = "api" }
                == "--pool: \"api\" is not understood; expected one of the pools web, such as: --pool web")
        #expect(mistake { $0.compare = "round-robin,best" }.hasPrefix("--compare: \"best\" is not understood"))
        #expect(mistake { $0.balance = "best" }.hasSuffix("such as: --balance peak-ewma"))
    }

    @Test(
        arguments: [
            "", "m", "5", "1x", "-1s", "1m30", "1 s", "1e3s", "99999h", "0s",
        ])
    func whatIsNoDurationIsRefused(_ text: String) {
        #expect(mistake { $0.duration = text } != "")
    }

    @Test(arguments: ["", "0/s", "-5/s", "5/d", "nan/s", "inf/s", "5/s/s", "99999999/s"])
    func whatIsNoRateIsRefused(_ text: String) {
        #expect(mistake { $0.load = text } != "")
    }

    @Test(arguments: ["web-2", "web-2@", "@3m", "web-2@3m:1", "web-2@3", "web-0@3m", "web-2@@3m", "web@3m"])
    func whatIsNoFaultIsRefused(_ text: String) {
        #expect(mistake { $0.kill = [text] } != "")
    }

    @Test func sharesAndFactorsHaveBounds() {
        #expect(mistake { $0.errors = ["web-1@1s:101%"] } != "")
        #expect(mistake { $0.errors = ["web-1@1s:0.3"] } != "")
        #expect(mistake { $0.slow = ["web-1@1s:0x"] } != "")
        #expect(mistake { $0.slow = ["web-1@1s:99999999999999999999x"] } != "")
        #expect(mistake { $0.flap = ["web-1@1s:0s"] } != "")
        #expect(mistake { $0.serviceTail = "0.5x" } != "")
        #expect(mistake { $0.balancers = "0" } != "")
        #expect(mistake { $0.seed = "-1" } != "")
    }

    @Test func routesAreThoseOfTheConfigurationThatLeadToThePool() throws {
        let one = snapshot()
        let elsewhere = Route(name: "elsewhere", action: .respond(FixedResponse()))
        let snapshot = Snapshot(
            workers: 1, listeners: [],
            routes: [Route(name: "reports", pool: 0), Route(name: "a=b/*", pool: 0), elsewhere],
            pools: one.pools, endpoints: one.endpoints)
        func read(_ routes: String...) throws -> [RouteShare] {
            try arguments { $0.route = routes }.scenario(of: snapshot).routes
        }
        let shares = try read("reports=5%:20x", "a=b/*=95%")
        #expect(shares.map(\.route.name) == ["reports", "a=b/*"])
        #expect(shares.map(\.share) == [0.05, 0.95] && shares.map(\.work) == [20, 1])
        for wrong in [
            "reports", "reports=", "reports=0%", "reports=5", "reports=5%:20", "reports=5%:0x",
            "reports=5%:99999999999999999999x", "elsewhere=5%",
        ] {
            #expect(throws: ArgumentMistake.self) { try read(wrong) }
        }
        #expect(throws: ArgumentMistake.self) { try read("reports=60%", "a=b/*=41%") }
        #expect(throws: ArgumentMistake.self) { try read("reports=5%", "reports=5%") }
        #expect(mistake { $0.route = ["reports=5%"] }.contains("a route to the pool, which has none"))
    }

    @Test(arguments: ["", "5", "5s:", "5s:10", "0s", "5s:10%:1"])
    func whatIsNoPatienceIsRefused(_ text: String) {
        #expect(mistake { $0.giveUp = text } != "")
    }

    @Test(arguments: ["", "3m", "3m:", ":10s", "3m:0s", "3m:10s:1s", "web-1@3m:10s"])
    func whatIsNoShortageIsRefused(_ text: String) {
        #expect(mistake { $0.lackMemory = [text] } != "")
        #expect(mistake { $0.lackPorts = [text == "web-1@3m:10s" ? "web-1@3m" : text] } != "")
    }

    @Test func aPoolMustBeNamedWhereThereAreSeveral() throws {
        let one = snapshot()
        let two = Snapshot(
            workers: 1, listeners: [], routes: [],
            pools: [one.pools[0], Pool(name: "api", endpoints: 5..<6)],
            endpoints: one.endpoints
                + [Endpoint(name: "10.0.1.1:80", address: one.endpoints[0].address, pool: 1)])
        #expect(throws: ArgumentMistake.self) { try SimulationArguments().scenario(of: two) }
        let scenario = try arguments {
            $0.pool = "api"
            $0.kill = ["api-1@1s", "10.0.1.1:80@2s"]
        }.scenario(of: two)
        #expect(scenario.endpointCount == 1)
        #expect(scenario.faults.map(\.endpoint) == [0, 0])
    }

    @Test func roundRobinIsComparedWithWhateverIsNamed() throws {
        #expect(try arguments { $0.compare = "peak-ewma" }.compared() == [.roundRobin, .peakEWMA])
        #expect(try arguments { $0.compare = "random,round-robin" }.compared() == [.roundRobin, .random])
        #expect(try arguments { $0.compare = "all" }.compared() == Balance.allCases)
        #expect(try SimulationArguments().compared() == nil)
    }
}
