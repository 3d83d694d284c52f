import ApusAddresses
import Foundation

/// Feeds what libFuzzer makes up to the check of handshakes: a script of what happens to the bytes of both sides.
@_cdecl("LLVMFuzzerTestOneInput")
public func testOneInput(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    let input = unsafe Array(UnsafeBufferPointer(start: start, count: count))
    if let problem = HandshakeCheck.problem(with: input, parties) { fatalError(problem) }
    return 0
}

nonisolated(unsafe) private let parties: HandshakeCheck.Parties = {
    do {
        return try HandshakeCheck.Parties(
            { [UInt8](try Data(contentsOf: URL(fileURLWithPath: "Tests/Certificates/\($0)"))) },
            peer: TLSPeer("site.test", at: SocketAddress(ip: IPAddress(high: 0, low: 1), port: 443)))
    } catch {
        fatalError("the certificates of the tests cannot be used: \(error)")
    }
}()
