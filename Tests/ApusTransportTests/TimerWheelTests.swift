import ApusTransport
import Testing

@Suite struct TimerWheelTests {
    static let tick: Int64 = 65_536

    @Test func firesNeverEarlyAndAtMostOneTickLate() {
        var wheel = TimerWheel(now: 0)
        wheel.schedule(7, at: 1_000_000)
        let answer1 = wheel.popExpired(now: 999_999)
        #expect(answer1 == nil)
        let answer2 = wheel.popExpired(now: 1_000_000 + Self.tick)?.token
        #expect(answer2 == 7)
        let answer3 = wheel.popExpired(now: 10_000_000)
        #expect(answer3 == nil)
        let answer4 = wheel.count
        #expect(answer4 == 0)
    }

    @Test func aDeadlineThatHasPassedFiresAtTheNextTick() {
        var wheel = TimerWheel(now: 5_000_000)
        wheel.schedule(1, at: 0)
        let answer5 = wheel.popExpired(now: 5_000_000 + Self.tick)?.token
        #expect(answer5 == 1)
    }

    @Test func deadlinesBeyondOneRoundWaitForTheirOwn() {
        var wheel = TimerWheel(now: 0)
        let round = Self.tick * 2048
        wheel.schedule(1, at: round * 3 + Self.tick * 5)
        wheel.schedule(2, at: Self.tick * 5)
        var fired: [(UInt64, Int64)] = []
        var now: Int64 = 0
        while now < round * 4 {
            now += Self.tick * 100
            while let entry = wheel.popExpired(now: now) { fired.append((entry.token, now)) }
        }
        #expect(fired.map(\.0) == [2, 1])
        #expect(fired[1].1 >= round * 3 + Self.tick * 5)
        #expect(fired[1].1 <= round * 3 + Self.tick * 105)
    }

    @Test func saysHowLongTheLoopMaySleep() {
        var wheel = TimerWheel(now: 0)
        let answer6 = wheel.millisecondsToNext(now: 0)
        #expect(answer6 == nil)
        for deadline: Int64 in [50_000_000, 3_000_000, 134_000_000] {
            wheel.schedule(UInt64(deadline), at: deadline)
            let sleep = Int64(wheel.millisecondsToNext(now: 0)!) * 1_000
            let earliest = min(deadline, deadline == 50_000_000 ? deadline : 3_000_000)
            #expect(sleep >= earliest && sleep <= earliest + 2 * Self.tick)
        }
    }

    @Test func agreesWithASortedList() {
        var random = SystemRandomNumberGenerator()
        var wheel = TimerWheel(now: 0)
        var expected: [(tick: Int64, token: UInt64)] = []
        for token in 0..<5_000 as Range<UInt64> {
            let deadline = Int64.random(in: 1...400_000_000, using: &random)
            expected.append((wheel.schedule(token, at: deadline), token))
        }
        var now: Int64 = 0
        var fired = 0
        while now < 401_000_000 {
            now += Int64.random(in: 0...3_000_000, using: &random)
            while let entry = wheel.popExpired(now: now) {
                fired += 1
                #expect(expected[Int(entry.token)].tick == entry.tick)
                #expect(entry.tick * Self.tick <= now)
            }
            let overdue = expected.filter { $0.tick * Self.tick <= now }.count
            #expect(fired == overdue)
        }
        #expect(fired == 5_000)
    }
}
