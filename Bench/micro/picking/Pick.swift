import ApusBalancing
import ApusModel

/// `picks ALGORITHM ENDPOINTS DOWN PICKS` picks that often and prints the nanoseconds of one; `picks` lists algorithms.
@main
struct Pick {
    static func main() {
        let arguments = CommandLine.arguments.dropFirst()
        guard let name = arguments.first else {
            for algorithm in Algorithm.all { print(algorithm.name) }
            return
        }
        let numbers = arguments.dropFirst().compactMap { Int($0) }
        guard let algorithm = Algorithm.all.first(where: { $0.name == name }), numbers.count == 3 else {
            fatalError("expected an algorithm and three numbers, found \(arguments.joined(separator: " "))")
        }
        var traffic = Traffic(algorithm, endpoints: numbers[0], down: numbers[1])
        traffic.fill()
        // Memory that was touched once, tables that settle: what only the first picks pay.
        traffic.run(numbers[0] / 2)
        var best = Double.infinity
        for _ in 0..<5 {
            let took = ContinuousClock().measure { traffic.run(numbers[2] / 5) }
            best = min(best, Double(took.components.attoseconds) / 1e9 / Double(numbers[2] / 5))
        }
        print(best)
    }
}

/// What is measured: every algorithm that a pool can be given, and two that measure the measurement.
struct Algorithm {
    var name: String
    var balance: Balance?
    var hash = HashRules()
    /// Allocates with each pick, to show that this is seen.
    var allocates = false

    static let all: [Algorithm] =
        [Algorithm(name: "nothing"), Algorithm(name: "control", allocates: true)]
        + Balance.allCases.filter { $0 != .hash }.map { Algorithm(name: $0.rawValue, balance: $0) }
        + HashRules.Method.allCases.map {
            Algorithm(name: "hash, \($0.rawValue)", balance: .hash, hash: HashRules(method: $0))
        }
}
