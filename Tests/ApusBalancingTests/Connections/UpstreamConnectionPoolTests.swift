import ApusBalancing
import ApusModel
import Testing

@Suite struct UpstreamConnectionPoolTests {
    static func pool(maxIdle: Int = 4, max: Int = 8) -> UpstreamConnectionPool {
        UpstreamConnectionPool(UpstreamConnectionLimits(maxIdle: maxIdle, max: max))
    }

    /// A pool with these connections idle, the last one released last.
    static func pool(idle: [Int32], maxIdle: Int = 4, max: Int = 8) -> UpstreamConnectionPool {
        var pool = pool(maxIdle: maxIdle, max: max)
        for _ in idle { _ = pool.lease() }
        for handle in idle { _ = pool.released(handle, isReusable: true, now: 0) }
        return pool
    }

    @Test func reusesTheLastUsedFirst() {
        var pool = Self.pool(idle: [1, 2, 3])
        #expect((0..<4).map { _ in pool.lease() } == [.reuse(3), .reuse(2), .reuse(1), .connect])
        #expect((pool.idleCount, pool.busyCount, pool.totalCount) == (0, 4, 4))
    }

    @Test func onlyOneThatWasUsedLatelyWillDo() {
        var pool = Self.pool()
        for _ in 0..<3 { _ = pool.lease() }
        for handle in Int32(1)...3 { _ = pool.released(handle, isReusable: true, now: Int64(handle) * 100) }
        #expect(pool.lease(usedSince: 300) == .reuse(3))
        #expect(pool.lease(usedSince: 300) == .connect)
        #expect((pool.idleCount, pool.busyCount) == (2, 2))
        #expect(pool.lease() == .reuse(2))
    }

    @Test func whereThereMayBeNoOtherAnOldOneWillDo() {
        var pool = Self.pool(idle: [1, 2], max: 2)
        #expect(pool.lease(usedSince: 1) == .reuse(2))
    }

    @Test func refusesAtTheMaximum() {
        var pool = Self.pool(max: 2)
        #expect((0..<3).map { _ in pool.lease() } == [.connect, .connect, .refuse])
        #expect(pool.isSaturated)
        pool.connectFailed()
        #expect(!pool.isSaturated)
        #expect(pool.lease() == .connect)
        #expect(pool.totalCount == 2)
    }

    @Test func anIdleConnectionIsRoomForAnyoneButTheFresh() {
        var pool = Self.pool(idle: [1, 2], max: 2)
        #expect(!pool.isSaturated)
        #expect(pool.leaseFresh() == .refuse)
        #expect(pool.lease() == .reuse(2))
        pool.closed(2, whileIdle: false)
        #expect(pool.leaseFresh() == .connect)
        #expect((pool.idleCount, pool.busyCount) == (1, 1))
    }

    @Test func keepsNoMoreIdleThanTheLimit() {
        var pool = Self.pool(maxIdle: 2)
        for _ in 0..<3 { _ = pool.lease() }
        #expect((1...3).map { pool.released($0, isReusable: true, now: 0) } == [.keep, .keep, .close])
        #expect((pool.idleCount, pool.busyCount) == (2, 0))
        var none = Self.pool(maxIdle: 0)
        _ = none.lease()
        #expect(none.released(1, isReusable: true, now: 0) == .close)
    }

    @Test func closesWhatCannotBeReused() {
        var pool = Self.pool()
        _ = pool.lease()
        #expect(pool.released(1, isReusable: false, now: 0) == .close)
        #expect(pool.totalCount == 0)
    }

    @Test func forgetsIdleConnectionsThatEnd() {
        var pool = Self.pool(idle: [1, 2, 3, 4])
        pool.idleExpired(1)
        pool.closed(3, whileIdle: true)
        #expect((0..<3).map { _ in pool.lease() } == [.reuse(4), .reuse(2), .connect])
    }

    @Test func retiringClosesWhatIsIdleAndThenWhatIsReleased() {
        var pool = Self.pool(idle: [1, 2, 3])
        _ = pool.lease()
        #expect(pool.retire() == [1, 2])
        #expect((pool.idleCount, pool.busyCount, pool.isSaturated) == (0, 1, true))
        #expect(pool.lease() == .refuse)
        #expect(pool.leaseFresh() == .refuse)
        #expect(pool.released(3, isReusable: true, now: 0) == .close)
        #expect(pool.totalCount == 0)
        #expect(pool.retire() == [])
    }

    /// Random histories against a model that keeps sets of handles.
    @Test(arguments: 0..<8)
    func agreesWithAModel(seed: Int) {
        var random = SplitMix64(seed: UInt64(seed))
        let maxIdle = random.next(below: 6)
        let maximum = 1 + random.next(below: 10)
        var pool = Self.pool(maxIdle: maxIdle, max: maximum)
        var idle: [Int32] = []
        var busy: [Int32] = []
        var opening = 0
        var next: Int32 = 0
        var isRetired = false
        func anyOf(_ handles: [Int32]) -> Int32? {
            handles.isEmpty ? nil : handles[random.next(below: handles.count)]
        }
        for step in 0..<5_000 {
            let total = idle.count + busy.count + opening
            switch random.next(below: 8) {
            case 0, 1:
                let expected: UpstreamConnectionPool.LeaseAction =
                    isRetired ? .refuse : idle.last.map { .reuse($0) } ?? (total < maximum ? .connect : .refuse)
                #expect(pool.lease() == expected)
                if expected == .connect { opening += 1 }
                if case .reuse = expected { busy.append(idle.removeLast()) }
            case 2:
                let expected: UpstreamConnectionPool.LeaseAction =
                    !isRetired && total < maximum ? .connect : .refuse
                #expect(pool.leaseFresh() == expected)
                if expected == .connect { opening += 1 }
            case 3 where opening > 0:
                opening -= 1
                if random.next(below: 3) == 0 {
                    pool.connectFailed()
                } else {
                    busy.append(next)
                    next += 1
                }
            case 4, 5:
                guard let handle = anyOf(busy) else { break }
                busy.removeAll { $0 == handle }
                let isReusable = random.next(below: 4) > 0
                let keeps = isReusable && !isRetired && idle.count < maxIdle
                #expect(pool.released(handle, isReusable: isReusable, now: 0) == (keeps ? .keep : .close))
                if keeps { idle.append(handle) }
            case 6:
                guard let handle = anyOf(idle) else { break }
                idle.removeAll { $0 == handle }
                if random.next(below: 2) == 0 { pool.idleExpired(handle) } else { pool.closed(handle, whileIdle: true) }
            case 7:
                if let handle = anyOf(busy) {
                    busy.removeAll { $0 == handle }
                    pool.closed(handle, whileIdle: false)
                }
            default: break
            }
            if step == 4_000 {
                #expect(pool.retire() == idle)
                idle = []
                isRetired = true
            }
            #expect(pool.idleCount == idle.count)
            #expect(pool.busyCount == busy.count + opening)
            #expect(pool.totalCount <= maximum)
            #expect(pool.isSaturated == (isRetired || (idle.isEmpty && pool.totalCount == maximum)))
        }
    }
}
