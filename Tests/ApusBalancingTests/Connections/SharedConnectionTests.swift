import ApusBalancing
import ApusModel
import Testing

/// Leases that are streams of a connection which carries several exchanges.
@Suite struct SharedConnectionTests {
    static func pool(maxIdle: Int = 4, max: Int = 8) -> UpstreamConnectionPool {
        UpstreamConnectionPool(UpstreamConnectionLimits(maxIdle: maxIdle, max: max))
    }

    @Test func aConnectionIsSharedUpToWhatItCarries() {
        var pool = Self.pool(max: 2)
        #expect(pool.lease() == .connect)
        // Until it is open nobody knows what is spoken on it.
        #expect(pool.lease() == .connect)
        #expect(pool.isSaturated)
        pool.carries(7, streams: 3)
        #expect(!pool.isSaturated)
        #expect((0..<3).map { _ in pool.lease() } == [.share(7), .share(7), .refuse])
        #expect(pool.totalCount == 2 && pool.busyCount == 2 && pool.isSaturated)
        #expect(pool.released(7, isReusable: true, now: 0) == .stays)
        #expect(pool.lease() == .share(7))
    }

    @Test func theFirstIsFilledBeforeTheNext() {
        var pool = Self.pool()
        for handle in [Int32(1), 2] {
            _ = pool.lease()
            pool.carries(handle, streams: 2)
            _ = handle == 1 ? pool.lease() : .refuse
        }
        #expect(pool.lease() == .share(2))
        #expect(pool.released(1, isReusable: true, now: 0) == .stays)
        #expect(pool.released(2, isReusable: true, now: 0) == .stays)
        #expect((0..<3).map { _ in pool.lease() } == [.share(1), .share(2), .connect])
    }

    /// With its last exchange it is idle, and is leased whole again.
    @Test func theLastExchangeGivesItBack() {
        var pool = Self.pool()
        _ = pool.lease()
        pool.carries(7, streams: 9)
        _ = pool.lease()
        #expect(pool.released(7, isReusable: true, now: 0) == .stays)
        #expect(pool.released(7, isReusable: true, now: 0) == .keep)
        #expect(pool.idleCount == 1 && pool.busyCount == 0)
        #expect(pool.lease() == .reuse(7))
        // What it carries is told again; until then it is somebody's own.
        #expect(pool.lease() == .connect)
    }

    /// GOAWAY, or a failure of one exchange that concerns the connection.
    @Test(arguments: [true, false])
    func whatIsToEndGetsNoMore(byGoAway: Bool) {
        var pool = Self.pool()
        _ = pool.lease()
        pool.carries(7, streams: 9)
        _ = pool.lease()
        _ = pool.lease()
        if byGoAway { pool.carries(7, streams: 0) }
        #expect(pool.released(7, isReusable: byGoAway, now: 0) == .stays)
        #expect(pool.lease() == .connect)
        #expect(pool.released(7, isReusable: true, now: 0) == .stays)
        #expect(pool.released(7, isReusable: true, now: 0) == .close)
        #expect(pool.totalCount == 1)
    }

    @Test func aConnectionThatIsGoneTakesItsExchangesAlong() {
        var pool = Self.pool()
        _ = pool.lease()
        pool.carries(7, streams: 9)
        _ = pool.lease()
        pool.closed(7, whileIdle: false)
        #expect(pool.totalCount == 0)
        #expect(pool.lease() == .connect)
    }

    @Test func aFreshOneIsNotShared() {
        var pool = Self.pool()
        _ = pool.lease()
        pool.carries(7, streams: 9)
        #expect(pool.leaseFresh() == .connect)
    }

    @Test func aRetiredEndpointSharesNothing() {
        var pool = Self.pool()
        _ = pool.lease()
        pool.carries(7, streams: 9)
        _ = pool.lease()
        #expect(pool.retire() == [])
        #expect(pool.lease() == .refuse && pool.isSaturated)
        #expect(pool.released(7, isReusable: true, now: 0) == .stays)
        #expect(pool.released(7, isReusable: true, now: 0) == .close)
        #expect(pool.totalCount == 0)
    }

    /// Beside a list of exchanges that knows only who is on which connection.
    @Test(arguments: 0..<20 as Range<UInt64>)
    func nothingIsLostOrSharedTooFar(seed: UInt64) {
        var random = SplitMix64(seed: seed)
        var pool = Self.pool(maxIdle: 2, max: 4)
        var exchanges: [Int32] = []
        var limits: [Int32: Int] = [:]
        var idle: Set<Int32> = []
        var next: Int32 = 0
        for _ in 0..<2_000 {
            switch random.next(below: 8) {
            case 0..<4:
                switch pool.lease() {
                case .connect:
                    next += 1
                    begin(next)
                case .reuse(let handle):
                    #expect(idle.remove(handle) != nil)
                    begin(handle)
                case .share(let handle):
                    exchanges.append(handle)
                    #expect(exchanges.count { $0 == handle } <= limits[handle] ?? 1)
                case .refuse:
                    #expect(idle.isEmpty && Set(exchanges).count == 4)
                    for handle in Set(exchanges) { #expect(exchanges.count { $0 == handle } >= limits[handle] ?? 1) }
                }
            case 4..<7 where !exchanges.isEmpty:
                let handle = exchanges.remove(at: random.next(below: exchanges.count))
                let isReusable = random.next(below: 5) > 0
                let isLast = !exchanges.contains(handle)
                if !isReusable, limits[handle] != nil { limits[handle] = 0 }
                let mayStay = isReusable && limits[handle] != 0 && idle.count < 2
                let action = pool.released(handle, isReusable: isReusable, now: 0)
                #expect(action == (!isLast ? .stays : mayStay ? .keep : .close))
                if isLast, mayStay { idle.insert(handle) }
                if isLast { limits[handle] = nil }
            default:
                guard let handle = exchanges.randomElement(using: &random) else { continue }
                if limits[handle] != nil {
                    limits[handle] = random.next(below: 4)
                    pool.carries(handle, streams: limits[handle]!)
                } else if random.next(below: 3) == 0 {
                    pool.closed(handle, whileIdle: false)
                    exchanges.removeAll { $0 == handle }
                }
            }
            #expect(pool.busyCount == Set(exchanges).count && pool.idleCount == idle.count)
        }

        func begin(_ handle: Int32) {
            exchanges.append(handle)
            guard random.next(below: 2) == 0 else { return }
            limits[handle] = 1 + random.next(below: 5)
            pool.carries(handle, streams: limits[handle]!)
        }
    }
}
