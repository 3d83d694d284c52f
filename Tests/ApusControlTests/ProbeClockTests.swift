import ApusBalancing
import ApusModel
import Glibc
import NIOCore
import NIOPosix
import Testing

@testable import ApusControl

@Suite struct ProbeClockTests {
    /// The endpoint answers in no time, and the loop, busy for longer than the timeout, comes to look too late. (A timeout that
    /// the endpoint, on a busy machine, keeps.)
    @Test func timeInWhichApusWasBusyIsNotTheEndpoints() async throws {
        let origin = try await ScriptedOrigin(ScriptedOrigin.ok)
        let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
        let eventLoop = group.next()
        let check = HealthCheck(probe: .http(path: "/"), timeout: .seconds(1.5))
        let probe = Probe(address: origin.address, check: check)
        async let failure = probe.run(on: eventLoop)
        for _ in 0..<3 { eventLoop.execute { sleep(2) } }
        #expect(await failure == nil)
        try await group.shutdownGracefully()
    }
}
