import ApusAddresses
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
        var scratch = [UInt8](repeating: 0, count: 1 << 16)
        var next = 0
        var sum = 0
        for _ in 0..<count {
            let request = requests[next]
            sum &+= find(request, fields, &scratch)
            if request.allocates { sum &+= Array(repeating: sum, count: 1 + next & 7).count }
            next = next &+ 1 == requests.count ? 0 : next &+ 1
        }
        // Otherwise nothing of it would need to be done.
        precondition(sum != .min)
    }

    /// As a worker does it: the route that all readings of the path have.
    private func find(_ request: Request, _ fields: borrowing FieldTable, _ scratch: inout [UInt8]) -> Int {
        let bytes = request.bytes.span
        let path = request.head.target.path
        if PathNormalization.isPlain(path, of: bytes) {
            return snapshot.route(
                listener: 0, head: request.head, path: bytes.extracting(path), fields: fields, bytes: bytes,
                client: Self.client) ?? -1
        }
        let readings = PathReadings(PathOddities(bytes.extracting(path)))
        precondition(readings.count == 1 || readings.areFew(pathCount: path.count))
        var found = -2
        for number in 0..<readings.count {
            for index in path { scratch[index &- path.lowerBound] = bytes[index] }
            var whole = scratch.mutableSpan
            var reading = whole._mutatingExtracting(0..<path.count)
            guard let count = try? readings[number].apply(to: &reading) else { fatalError("above the root") }
            let route =
                snapshot.route(
                    listener: 0, head: request.head, path: scratch.span.extracting(0..<count), fields: fields,
                    bytes: bytes, client: Self.client) ?? -1
            // Those of the benchmark agree, which costs most.
            precondition(found == -2 || found == route)
            found = route
        }
        return found
    }

    private static let client = IPAddress(ipv4: 0)
}
