import ApusTransport
import Foundation
import Testing

@Suite("Rings of lines")
struct ByteRingTests {
    private static func text(in descriptor: Int32) -> String {
        var text = ""
        var buffer = [UInt8](repeating: 0, count: 1 << 16)
        while case let count = read(descriptor, &buffer, buffer.count), count > 0 {
            text += String(decoding: buffer[..<count], as: UTF8.self)
        }
        return text
    }

    private static func ring(_ text: String) -> ByteRing {
        let ring = ByteRing(capacity: 1 << 18) {}
        let isTaken = ring.write(Array(text.utf8).span)
        #expect(isTaken)
        return ring
    }

    @Test("what is behind half a line that nobody completes begins on a line of its own, whichever ring it is from")
    func halfALine() {
        var ends: [Int32] = [-1, -1]
        #expect(pipe(&ends) == 0)
        defer { for end in ends { close(end) } }
        for end in ends { _ = fcntl(end, F_SETFL, O_NONBLOCK) }
        var brokenLine = false
        // More than a pipe holds: a part of it is written.
        let first = Self.ring(String(repeating: "a", count: 100_000) + "\n")
        let drained = first.drain(to: ends[1], patience: 0, after: &brokenLine)
        #expect(drained.refusal == .unread && drained.tookSome && first.isInsideLine && !brokenLine)
        // What takes nothing that is written to it, for good.
        let unwritable = open("/dev/null", O_RDONLY)
        defer { close(unwritable) }
        let lost = first.drain(to: unwritable, patience: 0, after: &brokenLine)
        #expect(lost.refusal == Drained.Refusal(errno: EBADF, keepsLines: false) && lost.lost == 1 && brokenLine)
        _ = Self.text(in: ends[0])
        let second = Self.ring("b\n")
        _ = second.drain(to: ends[1], patience: 0, after: &brokenLine)
        #expect(Self.text(in: ends[0]) == "\nb\n" && !brokenLine)
    }

    @Test("a pipe that nobody reads keeps what waits, and that is said")
    func unread() {
        var ends: [Int32] = [-1, -1]
        #expect(pipe(&ends) == 0)
        defer { for end in ends { close(end) } }
        for end in ends { _ = fcntl(end, F_SETFL, O_NONBLOCK) }
        var brokenLine = false
        let ring = Self.ring(String(repeating: "a\n", count: 50_000))
        #expect(ring.drain(to: ends[1], patience: 0, after: &brokenLine).tookSome)
        let drained = ring.drain(to: ends[1], patience: 0, after: &brokenLine)
        #expect(drained.refusal == .unread && !drained.tookSome && drained.lost == 0 && ring.held > 0)
    }

    @Test("how a file ends is seen, whoever wrote it")
    func ends() throws {
        let path = NSTemporaryDirectory() + "apus-\(UUID().uuidString).log"
        defer { unlink(path) }
        for (text, endsInside) in [("", false), ("a\n", false), ("a\nb", true)] {
            try text.write(toFile: path, atomically: true, encoding: .utf8)
            let descriptor = openLog(path)
            defer { close(descriptor) }
            #expect(endsInsideLine(descriptor) == endsInside)
        }
    }
}
