import ApusModel
import ApusTestKit
import Foundation
import Testing

extension DailyOperations {
    /// The commands that work on files, as docs/testing-configurations.md has them: their exit statuses, and the gist of
    /// what they print.
    @Test func commandsOnFiles() async throws {
        try await play {
            let apus = try Deployment(
                """
                listeners:
                  - bind: 127.0.0.1:8080
                    routes:
                      - { host: api.example.com, path: /v1/*, pool: api, rewrite: { prefix: / } }
                      - { pool: web }
                pools:
                  web:
                    balance: weighted-round-robin
                    endpoints: [127.0.0.1:3001, { address: 127.0.0.1:3002, weight: 3 }]
                  api: { endpoints: [127.0.0.1:3003] }
                """)
            func expect(_ status: Int32, _ words: String..., from arguments: String...) throws {
                let outcome = try apus.apus(arguments)
                #expect(outcome.status == status, "\(arguments): \(outcome.text)")
                for word in words { #expect(outcome.text.contains(word), "\(arguments): \(outcome.text)") }
            }
            try expect(0, "1 listener, 2 routes, 2 pools, 3 endpoints", from: "check", "-c", "apus.yaml")
            try expect(64, "Usage", from: "check")
            try expect(
                0, "+ api.example.com/v1/*", "gets GET", "api: round-robin",
                from: "explain", "-c", "apus.yaml", "GET", "https://api.example.com/v1/users?x=1", "-H", "A: b",
                "--client", "10.1.2.3")

            try apus.folder.write("listeners:\n    - { bind: '127.0.0.1:1' }   # ours\n", to: "loose.yaml")
            try expect(1, "loose.yaml", from: "fmt", "--check", "loose.yaml")
            try expect(0, from: "fmt", "loose.yaml")
            #expect(try apus.folder.read("loose.yaml").contains("# ours"))
            try expect(0, from: "fmt", "--check", "loose.yaml")

            try apus.folder.write(Self.tests(pool: "api"), to: "tests.yaml")
            try expect(0, "1 test passed", from: "test", "-c", "apus.yaml", "tests.yaml")
            try apus.folder.write(Self.tests(pool: "web"), to: "tests.yaml")
            try expect(1, "tests.yaml:4", "expected web, found api", from: "test", "-c", "apus.yaml", "tests.yaml")

            let changed = try apus.folder.read("apus.yaml").replacing("weight: 3", with: "weight: 5")
            try apus.folder.write(changed, to: "new.yaml")
            try expect(0, from: "diff", "apus.yaml", "apus.yaml")
            try expect(1, "127.0.0.1:3002", "weight", from: "diff", "apus.yaml", "new.yaml")
            try apus.folder.write("listeners: 1", to: "bad.yaml")
            try expect(2, "bad.yaml:1:12", from: "diff", "apus.yaml", "bad.yaml")

            let schema = try apus.apus("schema")
            #expect(try schema.status == 0 && JSON(schema.text)["properties"]["listeners"].value != nil)
            try expect(3, "no Apus answers at \(apus.admin)", from: "status")
        }
    }

    /// `request` and what it is expected to come to.
    private static func tests(pool: String) -> String {
        """
        tests:
          - name: the API
            request: { url: "https://api.example.com/v1/users" }
            expect: { pool: \(pool), path: /users }

        """
    }

    /// The commands that ask a running Apus, as docs/operations.md has them.
    @Test func commandsToARunningApus() async throws {
        try await play {
            let origins = try ["a", "b"].map { try MoodyOrigin($0) }
            let configuration = Deployment.configuration(before: origins.map(\.address))
            let apus = try Deployment(configuration)
            try apus.start()
            func expect(_ status: Int32, _ words: String..., from arguments: String...) throws {
                let outcome = try apus.apus(arguments)
                #expect(outcome.status == status, "\(arguments): \(outcome.text)")
                for word in words { #expect(outcome.text.contains(word), "\(arguments): \(outcome.text)") }
            }
            let (one, other) = ("\(origins[0].address)", "\(origins[1].address)")
            try expect(0, "ready", "revision 1", "2 of 2 endpoints", from: "status")
            #expect(try JSON(apus.apus("status", "--json").text)["ready"].isTrue)

            try expect(0, "draining", from: "drain", "web", one)
            for _ in 1...4 { #expect(try apus.get().text == "origin b\n") }
            try expect(
                0, "1 of 2 endpoints available, 1 draining", "drained while running", "1 changed while running",
                from: "status")
            try expect(0, "1/2", "draining", from: "top", "--interval", "0.1")
            try expect(0, other, from: "explain", "-c", "apus.yaml", "GET", "/", "--admin", "\(apus.admin)")
            try expect(0, one, from: "undrain", "web", one)
            try eventually("both to answer") { try apus.get().text == "origin a\n" }
            try expect(0, "weight 5", from: "weight", "web", other, "5")
            try expect(0, "weight 1", from: "weight", "web", other, "configured")
            try expect(1, "no endpoint", from: "drain", "web", "127.0.0.1:1")
            try expect(1, "no pool", from: "drain", "wep", one)
            try expect(64, from: "weight", "web", other, "heavy")

            // What is in the file runs; a copy with its own includes does not, and says so before anybody reloads.
            try expect(0, "nothing would change", from: "diff", "apus.yaml")
            let smaller =
                apus.whole(Deployment.configuration(before: [origins[1].address]))
                .replacing("pools:", with: "    routes: [{ pool: web }]\npools:") + "include: more/*.yaml\n"
            try apus.folder.write(smaller, to: "new.yaml")
            let more = apus.folder.path + "/more"
            try FileManager.default.createDirectory(atPath: more, withIntermediateDirectories: true)
            try apus.folder.write("pools: { spare: { endpoints: [127.0.0.1:9] } }\n", to: "more/spare.yaml")
            try expect(1, "endpoint \(one) removed", "pool spare added", "in short", from: "diff", "new.yaml")
            try expect(1, from: "diff", "--quiet", "new.yaml")
            try expect(1, "\"summary\"", from: "diff", "--json", "new.yaml")
            try apus.folder.write("pools: { spare: {} }\n", to: "more/spare.yaml")
            try expect(2, "more/spare.yaml:1:", from: "diff", "new.yaml")
            try expect(2, "none.yaml", from: "diff", "none.yaml")
            #expect(try apus.revision == 1)

            try apus.write(Deployment.configuration(before: [origins[1].address]))
            try expect(0, "It would run", one, from: "reload", "--dry-run")
            #expect(try apus.revision == 1)
            try expect(0, "Revision 2 runs", one, from: "reload")
            try expect(0, "nothing has changed", from: "reload")
            try expect(0, "It would run", from: "reload", "--rollback", "--dry-run")
            try expect(0, "Revision 3 runs", from: "reload", "--rollback")
            try expect(0, "2 of 2 endpoints", from: "status")
            try expect(0, "Revision 4 runs", from: "reload", "--rollback", "--revision", "2")
            try expect(1, "revision", from: "reload", "--rollback", "--revision", "77")

            let load = PacedLoad(on: apus.address, rate: 100, connections: 4)
            try expect(0, "web", other, from: "top", "--interval", "0.3")
            #expect(try load.stop().failures.isEmpty)
            #expect(try apus.stop() == 0)
            try expect(3, "\(apus.admin)", from: "top")
            try expect(3, apus.door, from: "diff", "apus.yaml")
        }
    }

    /// A key that root alone may read would be missed at the first reload: it is missed at once.
    @Test(.enabled(if: geteuid() == 0)) func whatItsUserMayNotReadIsRefused() async throws {
        try await play {
            let folder = try Folder()
            for name in ["site.pem", "site.key"] {
                try folder.write(String(decoding: TestCertificates.bytes(name), as: UTF8.self), to: name)
            }
            let text = """
                listeners: [{ bind: "127.0.0.1:0", tls: { certificate: site.pem, key: site.key }, routes: [{ pool: web }] }]
                pools: { web: { endpoints: ["127.0.0.1:1"] } }
                admin: off
                """
            try folder.write(text + "\nprocess: { user: nobody }\n", to: "apus.yaml")
            try folder.write(text + "\nprocess: { user: nobody-of-that-name }\n", to: "stranger.yaml")
            let apus = try builtProgram("apus")
            #expect(try outcome(of: apus, ["check", "-c", folder.path + "/apus.yaml"]).status == 0)
            try #require(chmod(folder.path + "/site.key", 0o600) == 0)
            for command in ["check", "run"] {
                let (status, said) = try outcome(of: apus, [command, "-c", folder.path + "/apus.yaml"])
                #expect(status == 1 && said.contains("site.key: `nobody`, whom Apus becomes"), "\(said)")
                #expect(said.contains("was refused: 1 file cannot be read"))
            }
            // Elsewhere than on the machine that it is for.
            let elsewhere = try outcome(of: apus, ["check", "-c", folder.path + "/stranger.yaml"])
            #expect(elsewhere.status == 0 && elsewhere.text.contains("this system has no such user"))
        }
    }

    /// What shells and `man` are given.
    @Test func completionsAndManualPage() async throws {
        try await play {
            let folder = try Folder()
            for shell in ["bash", "zsh", "fish"] {
                try folder.write(
                    try run(try builtProgram("apus"), ["--generate-completion-script", shell]), to: "apus.\(shell)")
                #expect(try folder.read("apus.\(shell)").contains("undrain"))
            }
            try run("bash", ["-n", folder.path + "/apus.bash"])
            let repository = URL(fileURLWithPath: #filePath).deletingLastPathComponent().appending(path: "../../..")
            let check = try outcome(
                of: repository.appending(path: "scripts/manual").standardized.path, ["--check"],
                environment: ["APUS": try builtProgram("apus")])
            #expect(check.status == 0, "\(check.text)")
        }
    }
}
