import ApusTransport
import Testing

@Suite struct BufferArenaTests {
    static func text(_ arena: borrowing BufferArena, _ handle: BufferHandle, _ range: Range<Int>) -> String {
        let span = arena.bytes(handle, range)
        return String(decoding: (0..<span.count).map { span[$0] }, as: UTF8.self)
    }

    @Test func blocksAreBoundedAndReused() {
        var arena = BufferArena(limit: 6_000)
        let small = arena.borrow(100)!
        let medium = arena.borrow(4_000)!
        let answer1 = arena.capacity(of: medium)
        #expect(answer1 == 4_096)
        let answer2 = arena.borrow(1_000)
        #expect(answer2 == nil, "1,024 + 4,096 + 1,024 is over the limit")
        arena.giveBack(medium)
        let answer3 = arena.bytesInUse
        #expect(answer3 == 1_024)
        let answer4 = arena.borrow(2_000)
        #expect(answer4 == medium)
        arena.giveBack(medium)
        arena.giveBack(small)
        let answer5 = arena.bytesInUse
        #expect(answer5 == 0)
        let answer6 = arena.borrow(BufferArena.largestBlock + 1)
        #expect(answer6 == nil)
    }

    @Test func whatIsNotSentKeepsItsOrder() {
        var arena = BufferArena(limit: 1 << 20)
        let source = arena.borrow(4_000)!
        arena.beginSend()
        for _ in 0..<1_000 { arena.append(UInt8(ascii: "b")) }
        arena.copy(from: .outbound, 0..<1_000, to: source, at: 0)
        arena.beginSend()
        arena.append("head ")
        let answer7 = arena.append(source, 0..<600)
        #expect(answer7)
        let answer8 = arena.append(source, 0..<3)
        #expect(answer8)
        arena.append(" tail")
        let answer9 = arena.sendCount
        #expect(answer9 == 5 + 600 + 3 + 5)
        let rest = arena.borrow(4_000)!
        arena.copyUnsent(from: 2, to: rest, at: 10)
        let answer12 = Self.text(arena, rest, 10..<13)
        #expect(answer12 == "ad ")
        let answer13 = Self.text(arena, rest, 13..<616)
        #expect(answer13 == String(repeating: "b", count: 603))
        let answer14 = Self.text(arena, rest, 616..<621)
        #expect(answer14 == " tail")
        arena.copyUnsent(from: 606, to: rest, at: 0)
        let answer15 = Self.text(arena, rest, 0..<7)
        #expect(answer15 == "bb tail")
    }

    @Test func tooManyPiecesAreRefusedNotLost() {
        var arena = BufferArena(limit: 1 << 20)
        let source = arena.borrow(200_000)!
        arena.beginSend()
        var accepted = 0
        while arena.append(source, accepted * 1_200..<accepted * 1_200 + 600) { accepted += 1 }
        #expect(accepted == 62)
        let answer10 = arena.sendCount
        #expect(answer10 == 62 * 600)
        arena.append("!")
        let answer11 = arena.sendCount
        #expect(answer11 == 62 * 600 + 1)
    }
}
