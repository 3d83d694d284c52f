import ApusTestKit
import Foundation
import Testing

extension DailyOperations {
    /// `kill -9` at any moment while configurations come and are kept: it starts again, with everything that it keeps
    /// being a configuration that there was, and there is a way back.
    @Test func killedWhileReloading() async throws {
        try await play {
            let origins = try ["a", "b"].map { try MoodyOrigin($0) }
            @Sendable func text(_ number: Int) -> String {
                """
                # number \(number).
                workers: 2
                listeners: [{ bind: LISTEN }]
                pools: { web: { endpoints: [\(origins[number % 2].address)] } }
                state: { directory: FOLDER/state, keep: 5 }
                """
            }
            let apus = try Deployment(text(1))
            let number = Monitor(1)
            var draw = SplitMix(seed: 8)
            for round in 1...6 {
                let process = try apus.start()
                let before = number.current
                try check(apus, latest: before, text)

                // As fast as it can, and from two sides.
                let isOver = Monitor(false)
                let hasEnded = Monitor(false)
                onThread {
                    while !isOver.current {
                        let next = number.with { number -> Int in
                            number += 1
                            return number
                        }
                        try? apus.write(text(next))
                        if next % 2 == 0 { process.signal(SIGHUP) }
                        _ = try? apus.apus("reload")
                    }
                    hasEnded.with { $0 = true }
                }
                rest(.milliseconds(draw.next(below: 400) + 20 * round))
                process.kill()
                isOver.with { $0 = true }
                try hasEnded.wait(for: "the reloads to end", by: .after(.seconds(30))) { $0 }
            }
            try apus.start()
            try check(apus, latest: number.current, text)
        }
    }

    private func check(_ apus: Deployment, latest: Int, _ text: (Int) -> String) throws {
        #expect(try apus.get().status == 200)
        #expect(apus.complaints == [])
        let revisions = try apus.json("/v1/config/revisions")["revisions"].list
        let numbers = revisions.map { $0["number"].number }
        let newest = try #require(numbers.first)
        #expect(numbers == (0..<numbers.count).map { newest - $0 } && numbers.count <= 5)
        #expect(try apus.revision == newest)
        // Each is one that there was, and the one that runs is what the file says.
        let kept = try numbers.map { revision in
            let files = try apus.json("/v1/config/revisions/\(revision)")["files"].list
            let found = try #require(files.first?["text"].text)
            let number = try #require(found.firstMatch(of: /number (\d+)\./).flatMap { Int($0.1) })
            #expect(found == apus.whole(text(number)) && number <= latest)
            return number
        }
        #expect(kept.first == latest)
        guard kept.count > 1 else { return }

        let back = try apus.apus("reload", "--rollback")
        #expect(back.status == 0, "\(back.text)")
        let running = try #require(apus.json("/v1/config")["files"].list.first?["text"].text)
        #expect(running == apus.whole(text(kept[1])))
        #expect(try apus.get().text == "origin \(kept[1] % 2 == 0 ? "a" : "b")\n")
    }
}

/// Numbers by chance, the same ones each time.
private struct SplitMix {
    var state: UInt64

    init(seed: UInt64) { state = seed }

    mutating func next(below bound: Int) -> Int {
        state &+= 0x9e37_79b9_7f4a_7c15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xbf58_476d_1ce4_e5b9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94d0_49bb_1331_11eb
        return Int((mixed ^ (mixed >> 31)) % UInt64(bound))
    }
}
