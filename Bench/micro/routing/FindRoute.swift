import ApusHTTP
import ApusModel

/// `routes MIX ROUTES REQUESTS` finds the route of that many requests and prints the nanoseconds of one; `routes` lists the
/// mixes.
@main
struct FindRoute {
    static func main() {
        let arguments = CommandLine.arguments.dropFirst()
        guard let name = arguments.first else {
            for mix in Mix.all { print(mix.name) }
            return
        }
        let numbers = arguments.dropFirst().compactMap { Int($0) }
        guard let mix = Mix.all.first(where: { $0.name == name }), numbers.count == 2 else {
            fatalError("expected a mix and two numbers, found \(arguments.joined(separator: " "))")
        }
        let started = ContinuousClock().now
        let snapshot = mix.snapshot(routes: numbers[0])
        let made = started.duration(to: .now)
        let requests = mix.requests(routes: numbers[0]).map { Request($0, allocates: mix.allocates) }
        let traffic = Traffic(snapshot: snapshot, requests: requests)
        // Memory that was touched once.
        traffic.run(requests.count)
        var best = Double.infinity
        for _ in 0..<5 {
            let took = ContinuousClock().measure { traffic.run(numbers[1] / 5) }
            best = min(best, Double(took.components.attoseconds) / 1e9 / Double(numbers[1] / 5))
        }
        print(best, Double(made.components.seconds) * 1e3 + Double(made.components.attoseconds) / 1e15)
    }
}

/// A request that has been parsed.
struct Request {
    let bytes: [UInt8]
    let head: RequestHead
    let allocates: Bool

    init(_ sample: SampleRequest, allocates: Bool) {
        let lines = ["GET \(sample.path) HTTP/1.1", "Host: \(sample.host)", "User-Agent: bench", "", ""]
        let bytes = Array(lines.joined(separator: "\r\n").utf8)
        var fields = FieldTable()
        let parsed = try? RequestHead.parse(bytes.span, limits: HeadLimits(), into: &fields)
        guard let parsed else { fatalError("a request of the benchmark is none") }
        head = parsed
        self.bytes = bytes
        self.allocates = allocates
    }
}

/// Requests that come one after the other, over and over.
struct Traffic {
    let snapshot: Snapshot
    let requests: [Request]

    func run(_ count: Int) {
        let fields = FieldTable()
        let client = IPAddress(ipv4: 0)
        var next = 0
        var sum = 0
        for _ in 0..<count {
            let request = requests[next]
            let bytes = request.bytes.span
            let found = snapshot.route(
                listener: 0, head: request.head, path: bytes.extracting(request.head.target.path), fields: fields,
                bytes: bytes, client: client)
            sum &+= found ?? -1
            if request.allocates { sum &+= Array(repeating: sum, count: 1 + next & 7).count }
            next = next &+ 1 == requests.count ? 0 : next &+ 1
        }
        // Otherwise nothing of it would need to be done.
        precondition(sum != .min)
    }
}
