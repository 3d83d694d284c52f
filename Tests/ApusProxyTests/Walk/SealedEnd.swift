import Glibc

/// An end that speaks the sealed protocol, of which a test says every word.
final class SealedEnd {
    let end: End
    var side: SealedSide
    private let network: MemoryNetwork
    private var waiting: [UInt8] = []

    init(_ end: End, isServer: Bool, over network: MemoryNetwork) {
        self.end = end
        self.network = network
        side = SealedSide(isServer: isServer, name: "test", seed: 3)
        if !isServer { side.begin() }
    }

    /// Takes what has come.
    func pull() {
        var buffer = [UInt8](repeating: 0, count: 65_536)
        while case let count = buffer.withUnsafeMutableBytes({ network.receive(into: $0, at: end) }), count > 0 {
            var taken = 0
            while taken < count, !side.isOver {
                taken += buffer.withUnsafeBytes { side.take(UnsafeRawBufferPointer(rebasing: $0[taken..<count])) }
            }
        }
    }

    /// Sends what there is to say, but for its last bytes.
    func push(withoutLast left: Int = 0) {
        waiting += side.output
        side.output = []
        let count = waiting.count - left
        guard count > 0 else { return }
        let sent = waiting.withUnsafeBytes { network.send(UnsafeRawBufferPointer(rebasing: $0[..<count]), from: end) }
        waiting.removeFirst(max(0, sent))
    }

    func put(_ text: String) {
        Array(text.utf8).withUnsafeBytes { side.seal($0) }
        push()
    }

    /// What was opened since this was asked before.
    func heard() -> String {
        pull()
        var bytes = [UInt8](repeating: 0, count: side.opened.count)
        _ = bytes.withUnsafeMutableBytes { side.opened.take(into: $0) }
        return String(decoding: bytes, as: UTF8.self)
    }
}
