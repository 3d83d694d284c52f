import ApusAddresses
import ApusModel
import ApusTestKit
import Testing

extension Failures {
    /// What the system says of probes for which this machine has no port, and of those for which it has no address: the same
    /// word, and not the same thing. In a namespace of the test's own.
    @Suite(
        .enabled(if: Namespace.obstacle == nil, "no network namespaces here: \(Namespace.obstacle ?? "")"))
    struct LocalShortages {
        private func sysctl(_ setting: String, in home: Namespace) throws {
            try run("ip", ["netns", "exec", home.name, "sysctl", "-qw", setting])
        }

        /// No port is the machine's own shortage: the endpoint stays. No address to begin from is the endpoint's: it leaves.
        @Test func anEndpointOutOfReachIsNoWantOfPorts() async throws {
            try await play {
                let home = try Namespace("ports")
                try sysctl("net.ipv6.conf.all.disable_ipv6=1", in: home)
                let near = try entering(home) { try MoodyOrigin("near") }
                let far = SocketAddress("[::1]:9")!
                let start = ContinuousClock.now
                let balancer = try Balancer(
                    before: [near.address, far],
                    pool: "health: { interval: 1s, down_interval: 1s, rise: 1, fall: 5 }", in: home)
                _ = try balancer.wait(until: far, "is unhealthy", after: start)
                #expect(!balancer.log(of: far).contains { $0.text.contains("local port") })

                // Both ports that there are lead to the origin already.
                try sysctl("net.ipv4.ip_local_port_range=40000 40001", in: home)
                let held = PacedLoad(on: near.address, rate: 10, connections: 2, in: home)
                _ = try balancer.wait(until: nil, "no local port left for a probe", after: start)
                rest(.seconds(6))
                #expect(balancer.time(of: near.address, "is unhealthy", after: start) == nil)
                // A probe may have had one of the ports when the load asked for it.
                _ = try held.stop()
            }
        }
    }
}
