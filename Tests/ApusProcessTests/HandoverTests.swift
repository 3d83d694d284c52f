import ApusAddresses
import ApusModel
import CApusSystem
import Glibc
import Testing

@testable import ApusProcess

@Suite("Handover")
struct HandoverTests {
    static let address = SocketAddress(ip: IPAddress(ipv4: 0x7f00_0001), port: 80)

    static func handover(sockets: Int, stateBytes: Int) -> Handover {
        Handover(
            sockets: (0..<sockets).map {
                InheritedSocket(
                    descriptor: Int32($0), address: SocketAddress(ip: IPAddress(ipv4: 1), port: UInt16($0)))
            },
            revision: .max, state: (0..<stateBytes).map { UInt8(truncatingIfNeeded: $0 &* 7) })
    }

    @Test("every message reads as it was written")
    func roundTrip() throws {
        let messages: [UpgradeMessage] = [
            .begin(version: 1, revision: .max, sockets: 12, stateBytes: 0),
            .sockets([Self.address, try #require(SocketAddress("[2001:db8::1]:443"))]),
            .state([0, 10, 255]), .ready, .failed("no: \"x\"\nat line 2"),
        ]
        for message in messages {
            #expect(UpgradeMessage(message.bytes[...]) == message)
            #expect(message.bytes.count <= UpgradeMessage.longest)
        }
        // What a later version adds behind what there is.
        #expect(
            UpgradeMessage(ArraySlice("B1 2 3 4 5 6".utf8))
                == .begin(version: 1, revision: 2, sockets: 3, stateBytes: 4))
    }

    @Test("bytes that mean nothing are no message", arguments: ["", "X", "B", "B1 2 3", "B1 2 3 x", "B1 2 -3 4", "Lx"])
    func meaningless(text: String) {
        #expect(UpgradeMessage(ArraySlice(text.utf8)) == nil)
    }

    @Test(
        "what is taken apart comes together again",
        arguments: [(0, 0), (1, 1), (64, 32_767), (65, 32_768), (1000, 1 << 20)])
    func assembly(sockets: Int, stateBytes: Int) throws {
        let handover = Self.handover(sockets: sockets, stateBytes: stateBytes)
        var assembly = HandoverAssembly()
        for (message, descriptors) in handover.messages {
            #expect(!assembly.isComplete)
            let bytes = message.bytes
            #expect(bytes.count <= UpgradeMessage.longest && descriptors.count <= UpgradeMessage.mostSockets)
            try assembly.add(try #require(UpgradeMessage(bytes[...])), descriptors: descriptors)
        }
        #expect(assembly.isComplete)
        #expect(assembly.handover == handover)
    }

    @Test("what does not fit what was announced is refused")
    func misunderstandings() throws {
        func refuses(_ message: UpgradeMessage, _ descriptors: [Int32] = [], after begin: Bool = true) {
            var assembly = HandoverAssembly()
            #expect(throws: TakeoverError.misunderstood, "\(message)") {
                if begin {
                    try assembly.add(.begin(version: 1, revision: 1, sockets: 1, stateBytes: 1), descriptors: [])
                }
                try assembly.add(message, descriptors: descriptors)
            }
        }
        refuses(.state([1]), after: false)
        refuses(.sockets([Self.address]), [3], after: false)
        refuses(.begin(version: 1, revision: 1, sockets: 1, stateBytes: 1))
        refuses(.sockets([Self.address, Self.address]), [3, 4])
        refuses(.sockets([Self.address]), [3, 4])
        refuses(.sockets([]), [])
        refuses(.state([1, 2]))
        refuses(.state([1]), [3])
        refuses(.ready)
        refuses(.failed("x"))
        var assembly = HandoverAssembly()
        #expect(throws: TakeoverError.otherVersion(2)) {
            try assembly.add(.begin(version: 2, revision: 1, sockets: 1, stateBytes: 1), descriptors: [])
        }
    }
}

@Suite("Message socket")
struct MessageSocketTests {
    static var soon: Int64 { monotonicMicroseconds() + 20_000_000 }

    @Test("messages keep their borders and descriptors arrive as the same files")
    func descriptors() throws {
        let (one, other) = try MessageSocket.pair()
        defer { one.close() }
        defer { other.close() }
        var ends: [Int32] = [0, 0]
        try #require(pipe(&ends) == 0)
        try one.send(.ready, by: Self.soon)
        try one.send(.sockets([HandoverTests.address]), descriptors: [ends[1]], by: Self.soon)
        close(ends[1])
        let first = try other.receive(by: Self.soon)
        #expect(first.0 == .ready && first.descriptors.isEmpty)
        let second = try other.receive(by: Self.soon)
        #expect(second.0 == .sockets([HandoverTests.address]))
        let received = try #require(second.descriptors.first)
        #expect(fcntl(received, F_GETFD) & FD_CLOEXEC != 0)
        #expect(write(received, "x", 1) == 1)
        var byte: UInt8 = 0
        #expect(read(ends[0], &byte, 1) == 1)
        #expect(byte == UInt8(ascii: "x"))
        close(received)
        close(ends[0])
    }

    @Test("who waits in vain is told so")
    func timeouts() throws {
        let (one, other) = try MessageSocket.pair()
        defer { one.close() }
        #expect(throws: MessageSocketError.timedOut) { try one.receive(by: monotonicMicroseconds() + 10_000) }
        // Nobody reads: the queue is full at some time.
        #expect(throws: MessageSocketError.timedOut) {
            let part = UpgradeMessage.state(ArraySlice(repeating: 1, count: UpgradeMessage.longest - 1))
            while true { try one.send(part, by: monotonicMicroseconds() + 10_000) }
        }
        other.close()
        #expect(throws: MessageSocketError.ended) { try one.send(.ready, by: Self.soon) }
        #expect(throws: MessageSocketError.ended) { try one.receive(by: Self.soon) }
    }

    @Test("last words are heard although the peer did not listen any more")
    func lastWords() throws {
        let (one, other) = try MessageSocket.pair()
        defer { one.close() }
        try one.send(.state([1]), by: Self.soon)
        try other.send(.failed("why"), by: Self.soon)
        other.close()
        #expect(try one.receive(by: Self.soon).0 == .failed("why"))
        #expect(throws: MessageSocketError.ended) { try one.receive(by: Self.soon) }
    }

    @Test("bytes that mean nothing end the conversation")
    func meaningless() throws {
        let (one, other) = try MessageSocket.pair()
        defer { one.close() }
        defer { other.close() }
        _ = apus_send_message(one.descriptor, "?", 1, [], 0)
        #expect(throws: MessageSocketError.meaningless) { try other.receive(by: Self.soon) }
        let long = [UInt8](repeating: UInt8(ascii: "S"), count: UpgradeMessage.longest + 1)
        _ = apus_send_message(one.descriptor, long, long.count, [], 0)
        #expect(throws: MessageSocketError.system(EMSGSIZE)) { try other.receive(by: Self.soon) }
    }
}
