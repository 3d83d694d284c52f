public import ApusModel

/// The requests of one worker that wait until a pool has room for them: who is next, and who has left.
///
/// In the order `fifo` whoever has waited longest is next. In the order `adaptive` that holds while the queue keeps up;
/// once the oldest has waited longer than half of the time limit, the newest is next. A queue that does not empty serves
/// everybody too late if it is fair: its clients have given up by the time they are served. Newest first, some are served
/// at once, and those that must time out do so. When room comes back, the old ones that are left get their turn again.
/// That is adaptive LIFO with the trigger of controlled delay (CoDel): Maurer, "Fail at Scale", ACM Queue 13(8), 2015.
///
/// Every operation takes the same few steps however many wait: the requests are links of a list, and a table says which
/// link is whose, so that a client that leaves gives its place up at once. The links are allocated at first use, as many
/// as may wait; the table grows with the highest handle seen, by four bytes a handle, and nothing is allocated once it has
/// its size.
///
/// Who has waited for too long is for the caller's timers to say, by `remove`.
public struct WaitingQueue: Sendable {
    @usableFromInline
    struct Link: Sendable, BitwiseCopyable {
        @usableFromInline var handle: Int32
        /// The link that waits less long; of a free link, the next free one. -1 at the end.
        @usableFromInline var newer: Int32
        /// The link that waits longer; -1 at the end.
        @usableFromInline var older: Int32
        @usableFromInline var since: Int64

        @inlinable
        init(handle: Int32, newer: Int32, older: Int32, since: Int64) {
            self.handle = handle
            self.newer = newer
            self.older = older
            self.since = since
        }
    }

    /// Handles are below this: a bound on the table's size, one megabyte.
    public static let handleLimit: Int32 = 1 << 18

    /// How many may wait: this worker's share of `QueueRules.length`, rounded up.
    public private(set) var length: Int
    @usableFromInline private(set) var isAdaptive: Bool
    /// The oldest's waiting time from which the newest is next, in microseconds.
    @usableFromInline private(set) var patience: Int64

    @usableFromInline var links: [Link] = []
    /// By handle: its link, or -1.
    @usableFromInline var places: [Int32] = []
    @usableFromInline var free: Int32 = -1
    @usableFromInline var oldest: Int32 = -1
    @usableFromInline var newest: Int32 = -1
    @usableFromInline var waiting = 0

    public init(_ rules: QueueRules, workers: Int) {
        length = rules.length <= 0 ? 0 : min(WorkerShare.roundedUp(rules.length, of: workers), Int(Self.handleLimit))
        isAdaptive = rules.order == .adaptive
        patience = rules.timeout.inMicroseconds / 2
    }

    /// Goes on with those that waited before a reload, in their order, were they more than may wait now.
    ///
    /// - Parameter rules: nil: there is to be no queue any more; nobody else may wait.
    mutating func adopt(_ rules: QueueRules?, workers: Int) {
        guard let rules else {
            length = 0
            return
        }
        let changed = WaitingQueue(rules, workers: workers)
        length = changed.length
        isAdaptive = changed.isAdaptive
        patience = changed.patience
        guard !links.isEmpty, links.count < length else { return }
        let first = links.count
        links += (first..<length).map { index in
            Link(handle: -1, newer: index + 1 < length ? Int32(index + 1) : free, older: -1, since: 0)
        }
        free = Int32(first)
    }

    /// How many wait.
    @inlinable
    public var count: Int { waiting }

    /// How long the oldest has waited, in microseconds; 0 when nobody waits.
    @inlinable
    public func oldestWait(now: Int64) -> Int64 {
        oldest < 0 ? 0 : max(0, now - links[Int(oldest)].since)
    }

    /// Lets a request wait; false when the queue is full.
    ///
    /// - Parameter handle: its name, 0 and above, below `handleLimit`; it must not be waiting already.
    @inlinable
    public mutating func add(_ handle: Int32, now: Int64) -> Bool {
        guard waiting < length else { return false }
        makeRoom(for: handle)
        precondition(places[Int(handle)] < 0, "a request that waits was to wait again")
        let place = free
        free = links[Int(place)].newer
        links[Int(place)] = Link(handle: handle, newer: -1, older: newest, since: now)
        if newest >= 0 { links[Int(newest)].newer = place } else { oldest = place }
        newest = place
        places[Int(handle)] = place
        waiting += 1
        return true
    }

    /// The request whose turn it is; it no longer waits. Nil when nobody does.
    @inlinable
    public mutating func takeNext(now: Int64) -> Int32? {
        guard let handle = next(now: now) else { return nil }
        take(out: places[Int(handle)])
        return handle
    }

    /// The request that `takeNext` would take, which stays where it is.
    @inlinable
    public func next(now: Int64) -> Int32? {
        guard oldest >= 0 else { return nil }
        let isNewestNext = isAdaptive && oldestWait(now: now) > patience
        return links[Int(isNewestNext ? newest : oldest)].handle
    }

    /// Gives up the place of a request that no longer wants it; false when it does not wait.
    @inlinable
    public mutating func remove(_ handle: Int32) -> Bool {
        guard handle >= 0 && Int(handle) < places.count else { return false }
        let place = places[Int(handle)]
        guard place >= 0 else { return false }
        take(out: place)
        return true
    }

    @inlinable
    mutating func take(out place: Int32) {
        let link = links[Int(place)]
        if link.older >= 0 { links[Int(link.older)].newer = link.newer } else { oldest = link.newer }
        if link.newer >= 0 { links[Int(link.newer)].older = link.older } else { newest = link.older }
        places[Int(link.handle)] = -1
        links[Int(place)].newer = free
        free = place
        waiting -= 1
    }

    @inlinable
    mutating func makeRoom(for handle: Int32) {
        if Int(handle) >= places.count || links.isEmpty { allocate(for: handle) }
    }

    @usableFromInline
    mutating func allocate(for handle: Int32) {
        precondition(handle >= 0 && handle < Self.handleLimit, "no request has the handle \(handle)")
        if links.isEmpty {
            links = (0..<length).map { index in
                Link(handle: -1, newer: index + 1 < length ? Int32(index + 1) : -1, older: -1, since: 0)
            }
            free = 0
        }
        guard Int(handle) >= places.count else { return }
        // Twice as much each time, so that handles that rise one by one do not grow the table one by one.
        let size = min(Int(Self.handleLimit), max(Int(handle) + 1, places.count * 2))
        places.append(contentsOf: repeatElement(-1, count: size - places.count))
    }
}
