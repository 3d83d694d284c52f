import ApusAddresses
import ApusConfig
import ApusModel
import Foundation
import Logging
import Testing

@testable import ApusControl

/// Configurations that somebody sends reach no further than what runs, and do not widen that.
@Suite struct SentConfigurationTests {
    /// Runs `text`, whose folder is real, as `HERE`.
    struct Machine {
        let folder: URL
        let running: RunningConfiguration
        let main: String

        init(_ text: String, files: [String: String] = [:], environment: [String: String] = [:]) throws {
            folder = FileManager.default.temporaryDirectory.appending(path: "apus-sent-\(UUID().uuidString.prefix(8))")
                .resolvingSymlinksInPath()
            try FileManager.default.createDirectory(
                at: folder.appending(path: "etc"), withIntermediateDirectories: true)
            for (name, text) in files {
                try text.write(to: folder.appending(path: name), atomically: false, encoding: .utf8)
            }
            main = folder.appending(path: "etc/apus.yaml").path
            try text.replacing("HERE", with: folder.path).write(toFile: main, atomically: false, encoding: .utf8)
            let loader = ConfigurationLoader(
                resolve: { _ in [] }, defaultWorkers: 1, defaultNode: "test", environment: { environment[$0] })
            let first = try loader.load(path: main)
            let live = Live(.of(first.snapshot))
            running = RunningConfiguration(
                path: main, loader: loader, first: first, adopter: FakeAdopter(live: live), live: live,
                logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
        }

        func whole(_ text: String) -> String { text.replacing("HERE", with: folder.path) }

        /// What is answered to a text, whatever becomes of it.
        func answer(_ text: String, dryRun: Bool = true) async -> String {
            do {
                let adoption = try await running.apply(text: whole(text), dryRun: dryRun)
                return AdoptionAnswer(adoption).jsonText
            } catch {
                return String(decoding: AdminProblem(error).diagnostics.jsonText.utf8, as: UTF8.self) + "\(error)"
            }
        }

        func remove() { try? FileManager.default.removeItem(at: folder) }
    }

    static let base = ConfigurationFixture.text + "\n"

    @Test func theKeyIsThePropertyOfTheProcessesOwnFile() async throws {
        let machine = try Machine(
            Self.base + "admin: { bind: 127.0.0.1:9900 }",
            files: ["key": "pools: { more: { endpoints: [127.0.0.1:2] } }"])
        defer { machine.remove() }
        let widened = Self.base + "admin: { bind: 127.0.0.1:9900, files: [HERE/*] }\n"
        let adoption = try await machine.running.apply(text: machine.whole(widened))
        #expect(adoption.notes.contains { $0.contains(".files` stays none") }, "\(adoption.notes)")
        #expect(await machine.running.loaded.snapshot.operations.admin.allSatisfy(\.files.isEmpty))
        #expect(await machine.answer(widened + "include: HERE/key").contains("may not be included"))
        // Nor by going back and forth.
        try await machine.running.rollback()
        try await machine.running.rollback()
        #expect(await machine.running.loaded.snapshot.operations.admin.allSatisfy(\.files.isEmpty))
        #expect(await machine.answer(widened + "include: HERE/key").contains("may not be included"))
        // The file itself may.
        try machine.whole(widened).write(toFile: machine.main, atomically: false, encoding: .utf8)
        try await machine.running.reload(.admin)
        #expect(await machine.answer(widened + "include: HERE/key").contains("pool more added"))
    }

    @Test func variablesAreNotRead() async throws {
        let machine = try Machine(
            Self.base + "zone: ${ZONE}\nnode: a", environment: ["ZONE": "zone-of-the-machine", "HOME": "home-of-it"])
        defer { machine.remove() }
        for line in ["zone: ${HOME}", "node: ${HOME}", "node: ${ZONE}", "zone: z${HOME}"] {
            let answer = await machine.answer(Self.base + line)
            #expect(answer.contains("may not be used") && !answer.contains("-of-"), "\(answer)")
        }
        // What runs is compared by the variable's name.
        let changed = await machine.answer(Self.base + "zone: other\nnode: a")
        #expect(changed.contains("${ZONE}") && !changed.contains("zone-of"), "\(changed)")
        let compared = try await machine.running.compare(
            with: [ConfigurationFile(path: "a.yaml", text: Self.base + "zone: other\nnode: a")])
        #expect(compared.changes.lines.joined().contains("${ZONE}"), "\(compared.changes.lines)")
        let same = try await machine.running.apply(text: Self.base + "zone: ${ZONE}\nnode: a", dryRun: true)
        #expect(same.summary == "nothing changes")
    }

    /// The values of what runs are shown nowhere, whatever stands beside them.
    @Test func valuesAreNotShownBesideLetters() async throws {
        let respond = "respond: { body: \"pre_${PW}_post\" }"
        let base = Self.base.replacing("- { pool: web }", with: "- { path: /x, \(respond) }\n      - { pool: web }")
        let machine = try Machine(base, environment: ["PW": "hunter2secret"])
        defer { machine.remove() }
        let sent = await machine.answer(base.replacing("pre_${PW}_post", with: "a${PW}b"))
        #expect(sent.contains("may not be used here") && !sent.contains("hunter2"), "\(sent)")
        let text = base.replacing("pre_${PW}_post", with: "plain")
        let answer = await machine.answer(text)
        #expect(answer.contains("pre_${PW}_post") && !answer.contains("hunter2"), "\(answer)")
        let compared = try await machine.running.compare(with: [ConfigurationFile(path: "a.yaml", text: text)])
        let lines = compared.changes.lines.joined() + compared.notes.joined()
        #expect(lines.contains("pre_${PW}_post") && !lines.contains("hunter2"), "\(lines)")
    }

    /// What a pattern lent to a configuration is lent still when it is sent again, or gone back to, also by a process that
    /// comes later.
    @Test func whatIsLentStaysLent() async throws {
        let machine = try Machine(
            Self.base + "admin: { bind: 127.0.0.1:9900, files: [HERE/*] }",
            files: ["key": "a-secret-of-sixteen-bytes\n", "private": "another-one-of-sixteen-bytes\n", "log": ""])
        defer { machine.remove() }
        let line = "api: { endpoints: [127.0.0.1:3] }"
        let text = Self.base.replacing(
            line, with: line.dropLast(2) + ", sticky: { cookie: c, secret: { file: HERE/key } } }")
        _ = try await machine.running.apply(text: machine.whole(text))
        #expect(await machine.running.revision.lentPaths == [machine.whole("HERE/key")])
        #expect(RevisionRecord(await machine.running.revision).revision.lentPaths == [machine.whole("HERE/key")])
        _ = try await machine.running.apply(text: machine.whole(text + "timeouts: { drain: 3s }"))
        _ = try await machine.running.rollback()
        #expect(await machine.running.revision.lentPaths == [machine.whole("HERE/key")])
        try FileManager.default.removeItem(atPath: machine.whole("HERE/key"))
        try FileManager.default.createSymbolicLink(
            atPath: machine.whole("HERE/key"), withDestinationPath: "/proc/self/cmdline")
        let refused = await machine.answer(text + "timeouts: { drain: 4s }", dryRun: false)
        #expect(refused.contains("a link that leads out"), "\(refused)")
        let error = await #expect(throws: ConfigurationRefusal.self) { try await machine.running.rollback() }
        #expect("\(try #require(error))".contains("a link that leads out"))
    }

    /// A comparison reads no secret that is not in use, writes nothing, and says so of neither.
    @Test func comparisonsReadNoSecrets() async throws {
        let machine = try Machine(Self.base)
        defer { machine.remove() }
        let text =
            Self.base.replacing(
                "api: { endpoints: [127.0.0.1:3] }",
                with: "api: { endpoints: [127.0.0.1:3], sticky: { cookie: c, secret: { file: /nowhere/at/all } } }")
            + "access_log: /var/log/other\n"
        let compared = try await machine.running.compare(with: [ConfigurationFile(path: "a.yaml", text: text)])
        #expect(compared.changes.lines.joined().contains("/var/log/other"), "\(compared.changes.lines)")
        #expect(await machine.answer(text).contains("may not be read"))
        let error = await #expect(throws: ConfigurationRefusal.self) {
            try await machine.running.compare(
                with: [ConfigurationFile(path: "a.yaml", text: text + "include: /etc/passwd\n")])
        }
        #expect("\(try #require(error))".contains("there is no such file"))
    }

    /// Whoever may change the configuration does not thereby choose the process's user, its state or its door.
    @Test func whatWouldTakeARestartIsNotDone() async throws {
        let machine = try Machine(Self.base + "admin: { bind: 127.0.0.1:9900 }")
        defer { machine.remove() }
        let adoption = try await machine.running.apply(
            text: Self.base
                + "admin: { bind: \"unix:/tmp/other.sock\" }\nprocess: { user: root }\nstate: /etc/cron.d\n")
        let operations = await machine.running.loaded.snapshot.operations
        #expect(operations.stateDirectory == nil && operations.user == nil)
        #expect(operations.admin.map(\.bind) == [.address(SocketAddress("127.0.0.1:9900")!)])
        #expect(adoption.notes.count == 3, "\(adoption.notes)")
    }
}
