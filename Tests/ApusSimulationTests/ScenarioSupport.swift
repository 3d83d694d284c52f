import ApusAddresses
import ApusModel

@testable import ApusSimulation

/// A snapshot with one pool, `web`, of endpoints 10.0.0.1:80 and so on.
func snapshot(
    endpoints count: Int = 5, balance: Balance = .roundRobin, workers: Int = 2, timeouts: Timeouts = Timeouts(),
    change: (inout Pool) -> Void = { _ in },
    endpoint: (inout Endpoint, Int) -> Void = { _, _ in }
) -> Snapshot {
    var pool = Pool(name: "web", balance: balance, endpoints: 0..<count)
    change(&pool)
    let endpoints = (0..<count).map { index in
        let ip = IPAddress(ipv4: 0x0a00_0001 + UInt32(index))
        var one = Endpoint(
            name: "\(SocketAddress(ip: ip, port: 80))", address: SocketAddress(ip: ip, port: 80), pool: 0)
        endpoint(&one, index)
        return one
    }
    return Snapshot(
        workers: workers, listeners: [], routes: [], pools: [pool], endpoints: endpoints, timeouts: timeouts)
}

/// Ten seconds of 500 requests a second on five endpoints, unless changed.
func scenario(
    endpoints count: Int = 5, balance: Balance = .roundRobin, faults: [Fault] = [], timeouts: Timeouts = Timeouts(),
    change: (inout Pool) -> Void = { _ in }
) -> Scenario {
    let snapshot = snapshot(endpoints: count, balance: balance, timeouts: timeouts, change: change)
    var scenario = Scenario(snapshot: snapshot, pool: 0)
    scenario.load = 500
    scenario.duration = 10_000_000
    scenario.faults = faults
    return scenario
}

let second: VirtualTime = 1_000_000
