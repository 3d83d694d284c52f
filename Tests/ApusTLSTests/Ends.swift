import ApusTransport
import Glibc
import Testing

@testable import ApusTLS

/// One side of a connection in memory: an engine, and what passes.
final class TLSEnd {
    let engines: TLSEngines
    let engine: Int32
    /// What it has sent and the other has not received.
    var sent: [UInt8] = []
    var isDone = false
    var received: [UInt8] = []
    var failure: Int?

    init(_ engines: TLSEngines, _ context: Int32 = 0, peer: Int32 = 0) {
        self.engines = engines
        engine = Int32(engines.make(from: context, to: peer))
    }

    deinit { engines.free(engine) }

    /// Gives it what came, and notes what it makes of it.
    func take(_ bytes: ArraySlice<UInt8>) {
        bytes.withUnsafeBufferPointer { bytes in
            if let start = bytes.baseAddress { engines.flow.pointee.received = start }
            engines.flow.pointee.receivedCount = bytes.count
            while step() {}
        }
        collect()
    }

    private func step() -> Bool {
        guard isDone else {
            let result = engines.handshake(engine, waking: 7)
            isDone = result == 0
            if result != 0, result != -Int(EAGAIN) { failure = result }
            return isDone
        }
        var buffer = [UInt8](repeating: 0, count: 65_536)
        let count = buffer.withUnsafeMutableBytes { engines.open(engine, into: $0.baseAddress!, room: $0.count) }
        if count > 0 { received += buffer[..<count] } else if count != -Int(EAGAIN) { failure = count }
        return count > 0
    }

    func say(_ bytes: [UInt8]) {
        let count = bytes.withUnsafeBytes { engines.seal(engine, $0.baseAddress!, $0.count) }
        if count < bytes.count { failure = count }
        collect()
    }

    func collect() {
        let flow = engines.flow
        sent += UnsafeBufferPointer(start: flow.pointee.sealed, count: flow.pointee.sealedCount)
        flow.pointee.sealedCount = 0
    }

    /// Moves what one has sent to the other, in pieces, until nothing moves.
    static func exchange(_ one: TLSEnd, _ other: TLSEnd, pieces: Int = .max) {
        if !one.isDone { one.take([]) }
        while !one.sent.isEmpty || !other.sent.isEmpty {
            for (from, to) in [(one, other), (other, one)] where !from.sent.isEmpty {
                let bytes = from.sent
                from.sent = []
                var at = 0
                while at < bytes.count {
                    let end = pieces < bytes.count - at ? at + pieces : bytes.count
                    to.take(bytes[at..<end])
                    at = end
                }
            }
        }
    }
}
