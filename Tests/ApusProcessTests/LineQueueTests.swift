import Foundation
import Glibc
import Testing

@testable import ApusProcess

@Suite struct LineQueueTests {
    /// A pipe that nobody reads: writing and ending wait for nobody, what is too much is counted, and order is kept.
    @Test func nobodyWaitsForTheReader() throws {
        let pipe = Pipe()
        let queue = LineQueue(to: pipe.fileHandleForWriting.fileDescriptor, limit: 200_000) { "dropped \($0)\n" }
        let line = String(repeating: "x", count: 993)
        let start = ContinuousClock.now
        for number in 1000..<2000 { queue.write("\(number) \(line)\n") }
        queue.flush(atMost: .milliseconds(50))
        #expect(start.duration(to: .now) < .seconds(5))

        var text = ""
        while !text.contains("dropped") {
            text += String(decoding: pipe.fileHandleForReading.availableData, as: UTF8.self)
        }
        queue.write("last\n")
        queue.flush()
        text += String(decoding: pipe.fileHandleForReading.availableData, as: UTF8.self)
        let lines = text.split(separator: "\n")
        let numbers = lines.compactMap { Int($0.prefix(4)) }
        #expect(numbers == Array(1000..<1000 + numbers.count))
        #expect(numbers.count >= 200 && numbers.count < 1000)
        #expect(lines.suffix(2) == ["dropped \(1000 - numbers.count)", "last"])
    }
}
