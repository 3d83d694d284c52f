import ApusBalancing
import ApusModel
import Testing

@Suite struct PoolPickerTests {
    @Test func comesFromASnapshotsPool() {
        let address = SocketAddress(ip: IPAddress(ipv4: 0x7f00_0001), port: 80)
        let snapshot = Snapshot(
            workers: 1, listeners: [], routes: [],
            pools: [
                Pool(name: "p", endpoints: 0..<2), Pool(name: "q", balance: .weightedRoundRobin, endpoints: 2..<5),
            ],
            endpoints: [1, 1, 5, 1, 1].enumerated().map {
                Endpoint(name: "\($0)", address: address, weight: $1, pool: $0 < 2 ? 0 : 1)
            })
        var picker = PoolPicker(pool: 1, of: snapshot, worker: 0, seed: 1)
        let picks = (0..<7).map { _ in picker.pick(load: Idle(), now: 0) }
        #expect(picks == [0, 0, 1, 0, 2, 0, 0])
    }
}

