/// What became of the requests of the last while: a sliding window of ten buckets, each a tenth of the window long.
///
/// Counting costs a few additions; when time has moved on, one step more per bucket that has passed, ten at most. The
/// totals move with the buckets and are never added up anew. Its oldest tenth leaves all at once, so that it looks back
/// over nine to ten tenths of its length. The buckets are allocated with the first request: an endpoint that gets none
/// costs nothing.
///
/// The time-based sliding window of resilience4j is built the same way.
@usableFromInline
struct BreakerWindow: Sendable {
    @usableFromInline
    struct Counts: Sendable, Hashable, BitwiseCopyable {
        @usableFromInline var all: UInt32 = 0
        @usableFromInline var failed: UInt32 = 0
        @usableFromInline var slow: UInt32 = 0

        @inlinable
        init() {}

        @inlinable
        mutating func add(_ other: Counts) {
            all &+= other.all
            failed &+= other.failed
            slow &+= other.slow
        }

        @inlinable
        mutating func remove(_ other: Counts) {
            all &-= other.all
            failed &-= other.failed
            slow &-= other.slow
        }
    }

    @usableFromInline static var bucketCount: Int { 10 }

    /// Of all buckets together.
    @usableFromInline var total = Counts()
    @usableFromInline var buckets: [Counts] = []
    /// Which bucket of all time is the present one: the time divided by `bucketLength`.
    @usableFromInline var tick: Int64 = 0
    /// In microseconds, at least 1.
    @usableFromInline let bucketLength: Int64

    /// - Parameter length: of the window, in microseconds.
    @inlinable
    init(length: Int64) {
        bucketLength = max(1, length / Int64(Self.bucketCount))
    }

    @inlinable
    mutating func count(isFailed: Bool, isSlow: Bool, now: Int64) {
        moved(to: now)
        var one = Counts()
        one.all = 1
        one.failed = isFailed ? 1 : 0
        one.slow = isSlow ? 1 : 0
        total.add(one)
        buckets[Int(tick % Int64(Self.bucketCount))].add(one)
    }

    /// Forgets everything.
    @inlinable
    mutating func clear() {
        guard total != Counts() else { return }
        total = Counts()
        for index in buckets.indices { buckets[index] = Counts() }
    }

    /// Lets go of the buckets that have become too old.
    @inlinable
    mutating func moved(to now: Int64) {
        let present = now / bucketLength
        guard present > tick || buckets.isEmpty else { return }
        if buckets.isEmpty { buckets = Array(repeating: Counts(), count: Self.bucketCount) }
        if present - tick >= Int64(Self.bucketCount) {
            clear()
        } else {
            var passed = tick
            while passed < present {
                passed += 1
                let index = Int(passed % Int64(Self.bucketCount))
                total.remove(buckets[index])
                buckets[index] = Counts()
            }
        }
        tick = present
    }
}
