import ApusTestKit
import Glibc

/// A network namespace: a network stack of its own, with its own loopback, in which packets can be dropped without
/// anybody else noticing. Gone with the last reference.
final class Namespace: Sendable {
    let name: String

    /// - Parameter label: what tells it from the others of this process.
    init(_ label: String) throws {
        name = "apus-test-\(getpid())-\(label)"
        try run("ip", ["netns", "add", name])
        try run("ip", ["-n", name, "link", "set", "lo", "up"])
    }

    deinit { _ = try? run("ip", ["netns", "del", name]) }

    /// Makes the calling thread a thread of this namespace: what sockets it opens from now on are of there.
    func enter() throws {
        let file = open("/run/netns/\(name)", O_RDONLY | O_CLOEXEC)
        guard file >= 0 else { throw Trouble("no namespace \(name): errno \(errno)") }
        defer { close(file) }
        guard GNU.setns(file, GNU.networkNamespace) == 0 else {
            throw Trouble("cannot enter \(name): errno \(errno)")
        }
    }

    /// Joins two namespaces by a wire; `one` is 10.231.`net`.1 on it, `other` 10.231.`net`.2.
    static func join(_ one: Namespace, _ other: Namespace, net: Int) throws {
        let (here, there) = ("wire\(net)a", "wire\(net)b")
        try run(
            "ip", ["link", "add", here, "netns", one.name, "type", "veth", "peer", "name", there, "netns", other.name])
        for (end, namespace, host) in [(here, one, 1), (there, other, 2)] {
            try run("ip", ["-n", namespace.name, "address", "add", "10.231.\(net).\(host)/24", "dev", end])
            try run("ip", ["-n", namespace.name, "link", "set", end, "up"])
        }
    }

    // MARK: Losing packets

    /// Drops so many of a hundred packets, at random, each way, between this namespace and all others; 0 ends it.
    func drop(percent: Int) throws {
        let losing =
            switch percent {
            case 0: ""
            case 100: "drop;"
            default: "numgen random mod 100 < \(percent) drop;"
            }
        let chains = [("input", "iifname"), ("output", "oifname")].map { hook, device in
            "chain \(hook) { type filter hook \(hook) priority 0; \(device) lo accept; \(losing) }"
        }
        // Replaced in one transaction.
        try nft("table inet loss {}\ndelete table inet loss\ntable inet loss {\n\(chains.joined(separator: "\n"))\n}")
    }

    private func nft(_ commands: String) throws {
        try run("ip", ["netns", "exec", name, "nft", commands])
    }

    // MARK: Whether this machine allows it

    /// Nil when namespaces can be made here and lose packets; otherwise why not.
    static let obstacle: String? = {
        do {
            removeStale()
            let trial = try Namespace("trial")
            try trial.drop(percent: 20)
            return nil
        } catch {
            return "\(error)"
        }
    }()

    /// Removes what a test process left that was killed.
    private static func removeStale() {
        let list = (try? run("ip", ["netns", "list"])) ?? ""
        for name in list.split(separator: "\n").compactMap({ $0.split(separator: " ").first }) {
            let parts = name.split(separator: "-")
            guard name.hasPrefix("apus-test-"), parts.count == 4, let owner = pid_t(parts[2]),
                kill(owner, 0) == -1, errno == ESRCH
            else { continue }
            _ = try? run("ip", ["netns", "del", String(name)])
        }
    }
}

/// Runs `body` on a thread within `namespace`; right here without one.
func entering<Result: Sendable>(
    _ namespace: Namespace?, _ body: @escaping @Sendable () throws -> Result
) throws -> Result {
    guard let namespace else { return try body() }
    let result = Monitor<Swift.Result<Result, any Error>?>(nil)
    onThread {
        let outcome = Swift.Result {
            try namespace.enter()
            return try body()
        }
        result.with { $0 = outcome }
    }
    return try result.wait(for: "what was done in \(namespace.name)", by: .after(.seconds(30))) { $0 != nil }!.get()
}
