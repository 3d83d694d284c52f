/// `heads WORKLOAD TIMES` does the work and prints the bytes of its head; `heads` alone lists the workloads.
@main
struct ParseHeads {
    static func main() {
        let arguments = CommandLine.arguments.dropFirst()
        guard let name = arguments.first else {
            for workload in Workload.allCases { print(workload.rawValue) }
            return
        }
        guard let workload = Workload(rawValue: name), let times = arguments.last.flatMap({ Int($0) }) else {
            fatalError("expected one of the workloads and a number, found \(arguments.joined(separator: " "))")
        }
        workload.run(times: times)
        print(workload.head.count)
    }
}
