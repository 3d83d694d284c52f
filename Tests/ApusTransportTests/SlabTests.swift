import ApusTransport
import Testing

@Suite struct SlabTests {
    @Test func aFreedSlotMakesItsHandlesStale() {
        var slab = Slab<Int>(capacity: 4)
        let first = slab.insert(10)!
        let handle = slab.handle(first)
        let answer1 = slab.index(handle)
        #expect(answer1 == first)
        slab.remove(first)
        let answer2 = slab.index(handle)
        #expect(answer2 == nil)
        let second = slab.insert(20)!
        #expect(second == first, "the slot used last is taken first")
        let answer3 = slab.index(handle)
        #expect(answer3 == nil)
        let answer4 = slab[second]
        #expect(answer4 == 20)
    }

    @Test func isFullAtItsCapacity() {
        var slab = Slab<UInt8>(capacity: 3)
        let indices = (0..<3).map { slab.insert(UInt8($0)) }
        #expect(indices == [0, 1, 2])
        let answer5 = slab.insert(9)
        #expect(answer5 == nil)
        slab.remove(1)
        let answer6 = slab.insert(9)
        #expect(answer6 == 1)
        let answer7 = slab.count
        #expect(answer7 == 3)
    }

    @Test func noHandleMatchesBeforeTheFirstUse() {
        let slab = Slab<Int>(capacity: 1)
        let answer8 = slab.index(SlabHandle(index: -1, generation: 0))
        #expect(answer8 == nil)
        let answer9 = slab.index(SlabHandle(index: 0, generation: 0))
        #expect(answer9 == nil)
    }
}
