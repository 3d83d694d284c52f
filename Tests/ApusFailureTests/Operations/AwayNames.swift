import ApusAddresses
import ApusModel
import ApusTestKit
import Foundation
import Testing

extension DailyOperations {
    /// The built `apus` in a view of the file system that is its own, where tests say what names stand for.
    @Suite(.enabled(if: NameService.obstacle == nil, "no name service of its own here: \(NameService.obstacle ?? "")"))
    struct AwayNames {}
}

extension DailyOperations.AwayNames {
    private static func configuration(_ origin: MoodyOrigin) -> String {
        """
        workers: 1
        listeners: [{ bind: LISTEN }]
        pools: { web: { endpoints: ["origin.test:\(origin.address.port)"] } }
        state: FOLDER/state
        resolve: 100ms
        """
    }

    /// The name service is away at an upgrade, and at a restart: whom the process before knew goes on being asked.
    @Test func upgradesAndRestartsKnowTheLastAddresses() async throws {
        try await play {
            let origin = try MoodyOrigin("a")
            let apus = try Deployment(Self.configuration(origin))
            let names = try NameService(apus.folder)
            try names.say("127.0.0.1 origin.test")
            try apus.start(through: names.shell)
            #expect(try apus.get().status == 200)

            try apus.expect("the host name origin.test was not found") { try names.say("") }
            let upgrade = try apus.apus("upgrade")
            #expect(upgrade.status == 0, "\(upgrade.text)")
            #expect(try apus.process.waitForEnd() == 0)
            #expect(try apus.get().status == 200)
            try eventually("the successor's admin server") { (try? apus.json("/v1/status")) != nil }
            #expect(try apus.json("/v1/status")["keptNames"].list.map { $0["name"].text } == ["origin.test"])
            #expect(apus.count("origin.test has no address now: 127.0.0.1 of before this start is used") == 1)

            apus.process.kill()
            try apus.start(through: names.shell)
            #expect(try apus.get().status == 200)
            #expect(apus.count("origin.test has no address now: 127.0.0.1 of before this start is used") == 1)
            let status = try apus.apus("status")
            #expect(status.text.contains("origin.test is taken for 127.0.0.1"), "\(status.text)")

            // What is found counts from then on.
            try apus.expect("origin.test stands for 127.0.0.2 now; before: 127.0.0.1") {
                try names.say("127.0.0.2 origin.test")
            }
            #expect(try apus.json("/v1/status")["keptNames"].list.isEmpty)
            #expect(try apus.stop() == 0)
        }
    }

    /// A name server that takes questions and says nothing.
    @Test func aSilentNameServerHoldsTheStartUpForFiveSeconds() async throws {
        try await play {
            let origin = try MoodyOrigin("a")
            let names = (1...5).map { "\"silent\($0).test:80\"" }.joined(separator: ", ")
            let apus = try Deployment(
                """
                workers: 1
                listeners: [{ bind: LISTEN }]
                pools: { web: { endpoints: [\(origin.address), \(names)] } }
                """)
            let service = try NameService(apus.folder, isSilent: true)
            let start = ContinuousClock.now
            try apus.start(through: service.shell)
            let time = start.duration(to: .now)
            // Each question alone would take ten minutes.
            #expect(time >= .seconds(4) && time < .seconds(20), "\(time)")
            #expect(try apus.get().status == 200)
            apus.process.kill()
        }
    }
}

/// What names stand for in processes that are started through `shell`.
private struct NameService {
    let folder: Folder
    /// Takes questions and says nothing.
    private let server: SilentServer?

    /// - Parameter isSilent: asks a name server that never answers; else only what was said is known.
    init(_ folder: Folder, isSilent: Bool = false) throws {
        self.folder = folder
        server = isSilent ? try SilentServer() : nil
        try folder.write("", to: "hosts")
        try folder.write("hosts: files\(isSilent ? " dns" : "")\n", to: "nsswitch.conf")
        try folder.write(
            "nameserver \(SilentServer.address)\noptions timeout:30 attempts:5\n", to: "resolv.conf")
    }

    /// In place: the file stays the same one.
    func say(_ hosts: String) throws {
        try (hosts + "\n").write(toFile: folder.path + "/hosts", atomically: false, encoding: .utf8)
    }

    /// Starts what it is given, its number unchanged.
    var shell: String { Self.shell(binding: ["hosts", "nsswitch.conf", "resolv.conf"], of: folder.path) }

    private static func shell(binding files: [String], of folder: String) -> String {
        let binds = files.map { "mount --bind '\(folder)/\($0)' /etc/\($0)" }.joined(separator: " && ")
        return #"exec unshare -m sh -c '\#(binds.replacing("'", with: "")) && exec "$@"' sh "$@""#
    }

    /// Nil when this machine allows it; otherwise why not.
    static let obstacle: String? = {
        do {
            let folder = try Folder()
            let service = try NameService(folder, isSilent: true)
            let trial = try outcome(of: "/bin/sh", ["-c", service.shell, "sh", "true"], environment: [:])
            return trial.status == 0 ? nil : trial.text
        } catch {
            return "\(error)"
        }
    }()
}

/// A socket where name servers listen, and nobody who reads from it.
private final class SilentServer: Sendable {
    /// One of this process's own: others may test at the same time.
    static let address = "127.83.\(getpid() >> 8 & 255).\(max(1, getpid() & 255))"
    private let descriptor: Int32

    init() throws {
        descriptor = socket(AF_INET, Int32(SOCK_DGRAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = UInt16(53).bigEndian
        address.sin_addr.s_addr = inet_addr(Self.address)
        let result = withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        guard result == 0 else { throw Trouble("cannot bind \(Self.address):53: errno \(errno)") }
    }

    deinit { close(descriptor) }
}
