import Apus
import ApusSimulation
import ArgumentParser
import Foundation

struct SimulateCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "simulate",
        abstract: "Try a pool of a configuration against a day that you describe, without a socket.",
        discussion: """
            Runs the balancer's own decisions (picking, health, breakers, retries, queues) in virtual time against \
            modelled origins, and prints what each endpoint got, how long clients waited and what changed when. The \
            same arguments give the same output, to the last digit.

              apus simulate -c apus.yaml --load 2000/s --kill web-2@20s
              apus simulate -c apus.yaml --slow web-3@20s:10x --compare all
              apus simulate -c apus.yaml --flap web-1@10s:1s --svg flapping.svg

            An endpoint is named by its address as in the file, or by its pool and its place in it: web-2 is the second \
            endpoint of the pool web. A time is counted from the start.

            Origins are modelled: how long they work on a request, how many they work on at once. What is left out: \
            bodies, the balancer's own time, packets sent again. So take what it says about algorithms and rules, and \
            measure what your origins can bear.

            Exit status: 0; 1 when the configuration was refused or could not be read; 3 when the picture could not be \
            written; 64 when the command line was not understood.
            """)

    @OptionGroup var file: ConfigurationFile
    @OptionGroup(title: "The day") var day: SimulatedDay
    @OptionGroup(title: "What goes wrong") var faults: SimulatedFaults

    @Option(help: "The pool to simulate, when there are several.")
    var pool: String?

    @Option(
        help: "The algorithm, instead of the pool's own.", completion: .list(Balance.allCases.map(\.rawValue)))
    var balance: String?

    @Option(
        help: "Algorithms to run side by side on the same day, separated by commas, or all.",
        completion: .list(["all"] + Balance.allCases.map(\.rawValue)))
    var compare: String?

    @Option(help: "Draws the result as a picture (SVG) into this file.", completion: .file())
    var svg: String?

    func run() throws {
        let snapshot = try file.load().snapshot
        var arguments = SimulationArguments()
        day.describe(in: &arguments)
        faults.describe(in: &arguments)
        arguments.pool = pool
        arguments.balance = balance
        arguments.compare = compare
        let picture: String
        do {
            let scenario = try arguments.scenario(of: snapshot)
            if let algorithms = try arguments.compared() {
                let comparison = Comparison(scenario, algorithms)
                print(comparison.text, terminator: "")
                picture = svg == nil ? "" : ComparisonPicture(comparison).svg
            } else {
                let statistics = scenario.run()
                print(Report(scenario, statistics).text, terminator: "")
                picture = svg == nil ? "" : RunPicture(scenario, statistics).svg
            }
        } catch {
            complain("\(error)\nAll arguments: apus simulate --help")
            throw ExitCode.validationFailure
        }
        if let svg { try write(picture, to: svg) }
    }

    private func write(_ picture: String, to path: String) throws {
        do {
            try Data(picture.utf8).write(to: URL(fileURLWithPath: path))
        } catch {
            complain("cannot write the picture to \(path): \(error.localizedDescription) Name another file with --svg.")
            throw ExitCode.unavailable
        }
    }
}

/// The traffic, and what the origins are like.
struct SimulatedDay: ParsableArguments {
    @Option(help: ArgumentHelp("Requests per second (or minute, hour), at random moments.", valueName: "rate"))
    var load = SimulationArguments().load

    @Option(help: "How long requests arrive.")
    var duration = SimulationArguments().duration

    @Option(help: "Balancers in front of the same origins; they share nothing.")
    var balancers = SimulationArguments().balancers

    @Option(help: "How long an origin works on a request, on average.")
    var service = SimulationArguments().service

    @Option(
        help: ArgumentHelp(
            "How many times longer than the median the slowest of a hundred requests takes; or exponential.",
            valueName: "factor"))
    var serviceTail = SimulationArguments().serviceTail

    @Option(help: "Requests that an origin works on at once; more queue inside it.")
    var capacity = SimulationArguments().capacity

    @Option(help: "From balancer to origin, and as long back.")
    var networkDelay = SimulationArguments().networkDelay

    @Option(help: "How many different clients there are, for hashes and sessions.")
    var clients = SimulationArguments().clients

    @Option(
        help: ArgumentHelp(
            "This share of the requests is of that route, and so many times the work.",
            valueName: "route=percent:factor"))
    var route: [String] = []

    @Option(help: ArgumentHelp("Clients leave that have no answer by then.", valueName: "time:percent"))
    var giveUp: String?

    @Option(help: "Another seed is another day of the same kind.")
    var seed = SimulationArguments().seed

    func describe(in arguments: inout SimulationArguments) {
        arguments.load = load
        arguments.duration = duration
        arguments.balancers = balancers
        arguments.service = service
        arguments.serviceTail = serviceTail
        arguments.capacity = capacity
        arguments.networkDelay = networkDelay
        arguments.clients = clients
        arguments.route = route
        arguments.giveUp = giveUp
        arguments.seed = seed
    }
}

/// What is done to the origins, or lacks on the balancers' machine, and when.
struct SimulatedFaults: ParsableArguments {
    @Option(help: ArgumentHelp("Its process is killed: connections are refused.", valueName: "endpoint@time"))
    var kill: [String] = []

    @Option(help: ArgumentHelp("It is well again, cured of everything.", valueName: "endpoint@time"))
    var revive: [String] = []

    @Option(help: ArgumentHelp("Its process hangs: accepts, never answers.", valueName: "endpoint@time"))
    var hang: [String] = []

    @Option(help: ArgumentHelp("Packets to it are dropped: connects time out.", valueName: "endpoint@time"))
    var cutOff: [String] = []

    @Option(help: ArgumentHelp("Its work takes so many times longer.", valueName: "endpoint@time:factor"))
    var slow: [String] = []

    @Option(help: ArgumentHelp("It answers this share with 503 at once.", valueName: "endpoint@time:percent"))
    var errors: [String] = []

    @Option(help: ArgumentHelp("It dies and returns, every so often.", valueName: "endpoint@time:period"))
    var flap: [String] = []

    @Option(
        help: ArgumentHelp(
            "No local port is left for new connections to it.", valueName: "endpoint@time:duration"))
    var lackPorts: [String] = []

    @Option(help: ArgumentHelp("No file descriptor is left for new connections.", valueName: "time:duration"))
    var lackDescriptors: [String] = []

    @Option(help: ArgumentHelp("The system has no memory for new connections.", valueName: "time:duration"))
    var lackMemory: [String] = []

    @Option(help: ArgumentHelp("This share of all probes gets no answer.", valueName: "percent"))
    var loseProbes = SimulationArguments().loseProbes

    func describe(in arguments: inout SimulationArguments) {
        arguments.kill = kill
        arguments.revive = revive
        arguments.hang = hang
        arguments.cutOff = cutOff
        arguments.slow = slow
        arguments.errors = errors
        arguments.flap = flap
        arguments.lackPorts = lackPorts
        arguments.lackDescriptors = lackDescriptors
        arguments.lackMemory = lackMemory
        arguments.loseProbes = loseProbes
    }
}
