import ApusBalancing
import ApusModel

/// Workers with an adaptive limit each, before a service that works on `capacity` requests at once and lets the others
/// wait in line: what a limit has to find out. Arrivals are Poisson; everything follows from the seed.
struct ModelledService {
    enum ServiceTime { case fixed, even, exponential }

    /// What happened in one second.
    struct Second {
        var arrived = 0, refused = 0, answered = 0
        var latencySum = 0.0, latencyMax: Int64 = 0
        /// Over all workers, at the second's end.
        var limit = 0
        var unloaded: Int64 = 0
        var arrivedByPriority = [0, 0, 0], refusedByPriority = [0, 0, 0]

        var meanLatency: Double { answered == 0 ? 0 : latencySum / Double(answered) }
    }

    private struct Answer {
        var time: Int64
        var worker: Int
        var latency: Int64
    }

    private(set) var limits: [AdaptiveConcurrency]
    private(set) var seconds: [Second] = []
    private var freeAt: [Int64]
    /// The next is the last.
    private var answers: [Answer] = []
    private var random: SplitMix64
    private let shape: ServiceTime
    private var now: Int64

    /// Each of these may be changed while it runs. Times in microseconds.
    var serviceTime: Int64
    var ratePerSecond: Double
    var capacity: Int { didSet { freeAt = Array(freeAt.sorted().suffix(capacity)) + missing() } }
    var priorities: [Priority] = [.normal]

    init(
        _ rules: ConcurrencyRules, workers: Int = 1, capacity: Int, serviceTime: Int64, _ shape: ServiceTime,
        rate: Double, seed: UInt64
    ) {
        now = 1_000_000_000
        limits = (0..<workers).map { _ in AdaptiveConcurrency(rules, workers: workers, now: 1_000_000_000) }
        freeAt = Array(repeating: 0, count: capacity)
        random = SplitMix64(seed: seed)
        self.capacity = capacity
        self.serviceTime = serviceTime
        self.shape = shape
        ratePerSecond = rate
    }

    var limit: Int { limits.reduce(0) { $0 + $1.limit } }

    mutating func run(seconds count: Int) {
        for _ in 0..<count {
            var second = Second()
            let end = now + 1_000_000
            var arrival = now + interarrival()
            while true {
                let next = min(arrival, answers.last?.time ?? .max)
                guard next <= end else { break }
                now = next
                if next == arrival {
                    arrive(&second)
                    arrival = now + interarrival()
                } else {
                    answer(&second)
                }
            }
            now = end
            second.limit = limit
            second.unloaded = limits[0].unloadedLatency
            seconds.append(second)
        }
    }

    /// The last seconds, added up; `limit` is their mean.
    func last(_ count: Int) -> Second {
        var sum = seconds.suffix(count).reduce(into: Second()) { sum, second in
            sum.arrived += second.arrived
            sum.refused += second.refused
            sum.answered += second.answered
            sum.latencySum += second.latencySum
            sum.latencyMax = max(sum.latencyMax, second.latencyMax)
            sum.limit += second.limit
            for index in 0..<3 {
                sum.arrivedByPriority[index] += second.arrivedByPriority[index]
                sum.refusedByPriority[index] += second.refusedByPriority[index]
            }
        }
        sum.limit /= count
        return sum
    }

    private mutating func arrive(_ second: inout Second) {
        let worker = random.next(below: limits.count)
        let priority = priorities[random.next(below: priorities.count)]
        second.arrived += 1
        second.arrivedByPriority[Int(priority.rawValue)] += 1
        guard limits[worker].admit(priority, now: now) else {
            second.refused += 1
            second.refusedByPriority[Int(priority.rawValue)] += 1
            return
        }
        var server = 0
        for index in 1..<freeAt.count where freeAt[index] < freeAt[server] { server = index }
        let end = max(now, freeAt[server]) + drawnServiceTime()
        freeAt[server] = end
        let answer = Answer(time: end, worker: worker, latency: end - now)
        let place = answers.lastIndex { $0.time > end } ?? -1
        answers.insert(answer, at: place + 1)
    }

    private mutating func answer(_ second: inout Second) {
        let answer = answers.removeLast()
        limits[answer.worker].ended(latency: answer.latency, now: now)
        second.answered += 1
        second.latencySum += Double(answer.latency)
        second.latencyMax = max(second.latencyMax, answer.latency)
    }

    private func missing() -> [Int64] {
        Array(repeating: now, count: max(0, capacity - freeAt.count))
    }

    private mutating func drawnServiceTime() -> Int64 {
        switch shape {
        case .fixed: serviceTime
        case .even: serviceTime / 2 + Int64(random.next(below: Int(serviceTime)))
        case .exponential: max(1, Int64(exponential() * Double(serviceTime)))
        }
    }

    private mutating func interarrival() -> Int64 {
        max(1, Int64(exponential() * 1_000_000 / ratePerSecond))
    }

    /// Of mean 1: a sum of 2^-k by von Neumann's comparison would be exact; a logarithm by its series does here.
    private mutating func exponential() -> Double {
        -naturalLogarithm(Double(random.next() >> 11) * 0x1p-53 + 0x1p-54)
    }

    private func naturalLogarithm(_ number: Double) -> Double {
        let ratio = (number.significand - 1) / (number.significand + 1)
        var term = ratio
        var sum = 0.0
        for odd in stride(from: 1.0, through: 21, by: 2) {
            sum += term / odd
            term *= ratio * ratio
        }
        return 2 * sum + Double(number.exponent) * 0.693_147_180_559_945_3
    }
}
