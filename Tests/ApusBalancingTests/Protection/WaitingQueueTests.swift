import ApusBalancing
import ApusModel
import Testing

@Suite struct WaitingQueueTests {
    static func queue(_ order: QueueRules.Order = .fifo, length: Int = 10, workers: Int = 1) -> WaitingQueue {
        WaitingQueue(QueueRules(length: length, timeout: .milliseconds(10), order: order), workers: workers)
    }

    /// Everybody that is taken until nobody is left.
    static func drain(_ queue: inout WaitingQueue, now: Int64) -> [Int32] {
        var taken: [Int32] = []
        while let handle = queue.takeNext(now: now) { taken.append(handle) }
        return taken
    }

    @Test func firstInFirstOut() {
        var queue = Self.queue()
        for handle: Int32 in [7, 3, 200, 0] { #expect(queue.add(handle, now: Int64(handle)) == true) }
        #expect(queue.count == 4)
        #expect(Self.drain(&queue, now: 1_000_000) == [7, 3, 200, 0])
        #expect(queue.count == 0)
        #expect(queue.add(3, now: 5) == true, "whoever was served may wait again")
    }

    @Test func isFullAtItsShare() {
        for (length, workers, share) in [(10, 1, 10), (10, 4, 3), (2, 8, 1), (0, 1, 0), (1_024, 2, 512)] {
            var queue = Self.queue(length: length, workers: workers)
            let added = (0..<2_000 as Range<Int32>).count { queue.add($0, now: 0) }
            #expect(added == share)
            #expect(queue.count == share && queue.length == share)
        }
        var queue = Self.queue(length: 2)
        #expect(queue.add(1, now: 0) && queue.add(2, now: 0) && !queue.add(3, now: 0))
        #expect(queue.remove(1) == true)
        #expect(queue.add(3, now: 0) == true, "a place given up is a place")
        #expect(Self.drain(&queue, now: 0) == [2, 3])
    }

    @Test func whoLeavesIsNotServed() {
        var queue = Self.queue()
        for handle: Int32 in 1...5 { _ = queue.add(handle, now: 0) }
        #expect(queue.remove(3) && queue.remove(1) && queue.remove(5))
        #expect(!queue.remove(3) && !queue.remove(9) && !queue.remove(100_000) && !queue.remove(-1))
        #expect(queue.count == 2)
        #expect(Self.drain(&queue, now: 0) == [2, 4])
        #expect(queue.remove(2) == false, "it was served")
    }

    @Test func adaptiveServesTheNewestWhileTheOldestHasWaitedTooLong() {
        var queue = Self.queue(.adaptive)
        for step: Int32 in 0..<6 { _ = queue.add(step, now: Int64(step) * 1_000) }
        // Half of the ten milliseconds: not more than that is not too long.
        #expect(queue.takeNext(now: 5_000) == 0)
        // The oldest, 1, has waited for 5.001 ms: the newest; and again while it is there,
        #expect(queue.takeNext(now: 6_001) == 5)
        _ = queue.add(9, now: 6_100)
        #expect(queue.takeNext(now: 6_200) == 9)
        #expect(queue.takeNext(now: 6_300) == 4)
        // until it times out.
        #expect(queue.remove(1) == true)
        #expect(queue.takeNext(now: 6_400) == 2)
        var fair = Self.queue(.fifo)
        for step: Int32 in 0..<3 { _ = fair.add(step, now: 0) }
        #expect(Self.drain(&fair, now: 9_000_000) == [0, 1, 2])
    }

    @Test func saysHowLongTheOldestHasWaited() {
        var queue = Self.queue()
        #expect(queue.oldestWait(now: 50) == 0)
        _ = queue.add(1, now: 100)
        _ = queue.add(2, now: 130)
        #expect(queue.oldestWait(now: 150) == 50)
        _ = queue.remove(1)
        #expect(queue.oldestWait(now: 150) == 20)
        _ = queue.takeNext(now: 160)
        #expect(queue.oldestWait(now: 170) == 0)
    }

    /// Against a plain array: the same answers, never more than its length, and everybody leaves exactly once.
    @Test(arguments: 0..<100 as Range<UInt64>) func everyRequestLeavesExactlyOnce(seed: UInt64) {
        var random = SplitMix64(seed: seed)
        let length = 1 + random.next(below: 30)
        let order: QueueRules.Order = seed % 2 == 0 ? .fifo : .adaptive
        var queue = Self.queue(order, length: length)
        var model: [(handle: Int32, since: Int64)] = []
        var now: Int64 = 0
        var balance = 0
        for _ in 0..<3_000 {
            now += Int64(random.next(below: 900))
            let handle = Int32(random.next(below: 300) * (seed % 3 == 0 ? 873 : 1))
            switch random.next(below: 5) {
            case 0...2:
                guard !model.contains(where: { $0.handle == handle }) else { break }
                let isAdded = queue.add(handle, now: now)
                #expect(isAdded == (model.count < length))
                if isAdded {
                    model.append((handle, now))
                    balance += 1
                }
            case 3:
                let isLate = order == .adaptive && (model.first.map { now - $0.since > 5_000 } ?? false)
                let expected = model.isEmpty ? nil : isLate ? model.removeLast().handle : model.removeFirst().handle
                let taken = queue.takeNext(now: now)
                #expect(taken == expected)
                if taken != nil { balance -= 1 }
            default:
                let place = model.firstIndex { $0.handle == handle }
                let isRemoved = queue.remove(handle)
                #expect(isRemoved == (place != nil))
                if let place { model.remove(at: place) }
                if isRemoved { balance -= 1 }
            }
            #expect(queue.count == model.count && queue.count == balance && queue.count <= length)
            #expect(queue.oldestWait(now: now) == (model.first.map { now - $0.since } ?? 0))
        }
        balance -= Self.drain(&queue, now: now).count
        #expect(balance == 0)
    }
}
