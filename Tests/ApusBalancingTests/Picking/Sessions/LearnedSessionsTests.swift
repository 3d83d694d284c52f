import ApusBalancing
import Testing

@Suite struct LearnedSessionsTests {
    static let second: Int64 = 1_000_000

    @Test func remembersWhatItLearned() {
        var sessions = LearnedSessions(capacity: 10, lifetime: .seconds(60))
        #expect(sessions.endpoint(for: 7, now: 0) == nil)
        sessions.learn(7, endpoint: 3, now: 0)
        sessions.learn(8, endpoint: 0, now: 0)
        #expect(sessions.endpoint(for: 7, now: 0) == 3)
        #expect(sessions.endpoint(for: 8, now: 0) == 0)
        #expect(sessions.endpoint(for: 9, now: 0) == nil)
        sessions.learn(7, endpoint: 4, now: 0)
        #expect(sessions.endpoint(for: 7, now: 0) == 4)
        #expect(sessions.count == 2)
    }

    @Test func forgetsWhatWasNotUsedForItsLifetime() {
        var sessions = LearnedSessions(capacity: 10, lifetime: .seconds(60))
        sessions.learn(1, endpoint: 1, now: 0)
        sessions.learn(2, endpoint: 2, now: 0)
        #expect(sessions.endpoint(for: 1, now: 59 * Self.second) == 1)
        #expect(sessions.endpoint(for: 2, now: 60 * Self.second) == nil)
        // A use is what counts, not when it was learned.
        #expect(sessions.endpoint(for: 1, now: 118 * Self.second) == 1)
        #expect(sessions.endpoint(for: 1, now: 178 * Self.second) == nil)
        #expect(sessions.count == 0)
    }

    @Test func theLeastRecentlyUsedGivesItsPlaceUp() {
        var sessions = LearnedSessions(capacity: 3, lifetime: .seconds(60))
        for hash in 1...3 { sessions.learn(UInt64(hash), endpoint: Int32(hash), now: Int64(hash)) }
        #expect(sessions.endpoint(for: 1, now: 10) == 1)
        sessions.learn(4, endpoint: 4, now: 11)
        #expect(sessions.count == 3)
        #expect((1...4).map { sessions.endpoint(for: UInt64($0), now: 12) } == [1, nil, 3, 4])
    }

    @Test func endedSessionsMakeRoomBeforeTheTableGrows() {
        var sessions = LearnedSessions(capacity: 1_000_000, lifetime: .seconds(1))
        for hash in 0..<100_000 { sessions.learn(UInt64(hash), endpoint: 0, now: Int64(hash) * 10_000) }
        // 100 a second, for a second each.
        #expect(sessions.count <= 101)
    }

    @Test func withoutRoomNothingIsLearned() {
        var sessions = LearnedSessions(capacity: 0, lifetime: .seconds(1))
        sessions.learn(1, endpoint: 1, now: 0)
        #expect(sessions.endpoint(for: 1, now: 0) == nil)
    }

    /// Against the simplest thing that could be right.
    @Test(arguments: [1, 2, 16, 17, 100, 1_000])
    func agreesWithAPlainList(capacity: Int) {
        struct Known { var hash: UInt64, endpoint: Int32, used: Int64 }
        var random = SplitMix64(seed: UInt64(capacity))
        var sessions = LearnedSessions(capacity: capacity, lifetime: .seconds(1))
        var list: [Known] = []
        var now: Int64 = 0
        for _ in 0..<20_000 {
            now += Int64(random.next(below: 5_000_000 / capacity))
            // Hashes close together and far apart; twice as many as there is room for.
            let number = UInt64(random.next(below: 2 * capacity))
            let hash = number % 2 == 0 ? number : number << 40
            let at = list.firstIndex { $0.hash == hash }
            if random.next(below: 3) == 0 {
                let endpoint = Int32(random.next(below: 100))
                sessions.learn(hash, endpoint: endpoint, now: now)
                if let at {
                    list.remove(at: at)
                } else {
                    list.removeAll { now - $0.used >= 1_000_000 }
                    if list.count == capacity { list.removeFirst() }
                }
                list.append(Known(hash: hash, endpoint: endpoint, used: now))
            } else {
                var expected: Int32?
                if let at, now - list[at].used < 1_000_000 {
                    expected = list[at].endpoint
                    list.append(Known(hash: hash, endpoint: list[at].endpoint, used: now))
                    list.remove(at: at)
                }
                #expect(sessions.endpoint(for: hash, now: now) == expected)
            }
            #expect(sessions.count <= capacity)
        }
    }
}
