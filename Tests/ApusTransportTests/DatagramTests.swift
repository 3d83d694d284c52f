import CApusSystem
import Foundation
import Testing

@testable import ApusTransport

@Suite("Datagrams of lines")
struct DatagramTests {
    /// A UDP socket of the test's own, and its address.
    private static func receiver() throws -> (descriptor: Int32, address: WireAddress) {
        let descriptor = socket(AF_INET, Int32(SOCK_DGRAM.rawValue), 0)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
        var size = socklen_t(MemoryLayout<sockaddr_in>.size)
        let result = unsafe withUnsafeMutablePointer(to: &address) { address in
            unsafe address.withMemoryRebound(to: sockaddr.self, capacity: 1) { address in
                unsafe bind(descriptor, address, size) == 0 ? getsockname(descriptor, address, &size) : -1
            }
        }
        try #require(result == 0)
        return (
            descriptor, WireAddress(high: 0, low: 0xffff_7f00_0001, port: UInt16(bigEndian: address.sin_port))
        )
    }

    @Test("over UDP a full ring goes in small bursts, so that a receiver can keep up")
    func bursts() throws {
        let (descriptor, address) = try Self.receiver()
        defer { close(descriptor) }
        let sender = try DatagramSender(.address(address))
        let ring = ByteRing(capacity: 1 << 20) {}
        let line = [UInt8](repeating: UInt8(ascii: "x"), count: 511) + [UInt8(ascii: "\n")]
        for _ in 0..<400 {
            let isTaken = ring.write(line.span)
            #expect(isTaken)
        }
        #expect(ring.held == 400 * 512)
        let clock = ContinuousClock()
        let time = clock.measure {
            sender.begin(ring.held)
            #expect(ring.drainLines(to: sender, patience: 1000).lost == 0)
        }
        #expect(ring.held == 0)
        // 200 KB: twelve bursts of 16 KiB, with 2 ms behind each.
        #expect(time >= .milliseconds(20))
    }

    @Test("pauses take 50 ms together at most, however much there is")
    func pauses() {
        for bytes in [0, 1, 1 << 10, 100_000, 1 << 20, 1 << 26, 1 << 40] {
            let pause = DatagramSender.pause(before: bytes)
            #expect(pause <= 2_000)
            #expect(Int(pause) * (bytes / DatagramSender.burst) <= 50_000)
        }
        #expect(DatagramSender.pause(before: 100_000) == 2_000)
    }
}
