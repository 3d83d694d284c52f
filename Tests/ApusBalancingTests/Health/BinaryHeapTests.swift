import Testing

@testable import ApusBalancing

@Suite struct BinaryHeapTests {
    @Test func givesTheSmallestFirst() {
        var random = SplitMix64(seed: 1)
        var heap = BinaryHeap<Int>(minimumCapacity: 8)
        var model: [Int] = []
        for _ in 0..<5_000 {
            if model.isEmpty || random.next(below: 5) < 3 {
                let element = random.next(below: 50)
                heap.insert(element)
                model.append(element)
            } else {
                heap.removeFirst()
                model.remove(at: model.firstIndex(of: model.min()!)!)
            }
            #expect(heap.first == model.min())
            #expect(heap.count == model.count)
        }
    }
}
