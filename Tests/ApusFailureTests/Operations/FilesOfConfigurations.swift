import ApusTestKit
import Foundation
import Testing

extension DailyOperations {
    /// A configuration that comes over the admin API reads nothing of the machine and writes nothing to it: whatever it
    /// names is refused at once, by its name alone.
    @Test func sentConfigurationsReachNoFurther() async throws {
        try await play {
            let origin = try MoodyOrigin("a")
            let apus = try Deployment(
                Deployment.configuration(
                    before: [origin.address], more: "access_log: FOLDER/access.log\n" + Deployment.guarded))
            try apus.start(environment: ["APUS_TEST_SECRET": "value-of-the-environment"])
            try #require(mkfifo(apus.folder.path + "/fifo", 0o600) == 0)
            try apus.folder.write("secret: line-of-a-file\n", to: "private")
            let before = try residentBytes(of: apus.process.id)
            let text = Deployment.configuration(before: [origin.address], more: Deployment.guarded + "\n")
            for line in [
                "include: [/etc/passwd]", "include: [FOLDER/private]", "include: /dev/zero", "include: FOLDER/fifo",
                "include: /proc/self/environ", "include: [FOLDER/*]", "access_log: /etc/cron.d/apus-test",
                "access_log: FOLDER/fifo", "access_log: FOLDER/apus.yaml", "node: ${APUS_TEST_SECRET}",
                "node: \"${APUS_TEST_UNSET:-x}\"",
            ] {
                let body = apus.whole(text + line)
                let start = ContinuousClock.now
                for (target, method) in [("/v1/config/validate", "POST"), ("/v1/config", "PUT")] {
                    let answer = try apus.change(target, method, body: body)
                    #expect(answer.status == 422 && answer.text.contains("may not be"), "\(line): \(answer.text)")
                    for secret in ["root:", "line-of-a-file", "value-of-the", "APUS_TEST_SECRET="] {
                        #expect(!answer.text.contains(secret), "\(line): \(answer.text)")
                    }
                }
                #expect(start.duration(to: .now) < .seconds(2) + slack, "\(line)")
            }
            #expect(!FileManager.default.fileExists(atPath: "/etc/cron.d/apus-test"))
            #expect(try residentBytes(of: apus.process.id) < before + 64 << 20)
            #expect(try JSON(apus.change("/v1/status", "GET", body: "").text)["revision"]["number"].number == 1)
            #expect(try apus.stop() == 0)
        }
    }

    /// The process's own file includes what never answers: a reload waits for it, and nobody else does. The end waits for
    /// nothing.
    @Test func aFileThatNeverAnswersHoldsUpNobody() async throws {
        try await play {
            let origin = try MoodyOrigin("a")
            let configuration = Deployment.configuration(before: [origin.address], more: Deployment.guarded)
            let apus = try Deployment(configuration)
            try apus.start()
            try #require(mkfifo(apus.folder.path + "/fifo.yaml", 0o600) == 0)
            try apus.write(configuration + "\ninclude: fifo.yaml")
            let start = ContinuousClock.now
            for _ in 0..<4 { apus.process.signal(SIGHUP) }
            rest(.milliseconds(200))
            let text = apus.whole(configuration + "\ntimeouts: { drain: 7s }")
            let answer = try apus.change("/v1/config", "PUT", body: text)
            #expect(answer.status == 200, "\(answer.text)")
            #expect(try apus.get().status == 200)
            #expect(start.duration(to: .now) < .seconds(3) + slack)
            try apus.expect("nobody has written to it for 5 seconds") {}
            apus.process.signal(SIGHUP)
            rest(.milliseconds(100))
            let ending = ContinuousClock.now
            #expect(try apus.stop() == 0)
            #expect(ending.duration(to: .now) < .seconds(2) + slack)
        }
    }

    /// What is no file is refused with words, before anything is started.
    @Test func whatIsNoFileIsNoConfiguration() async throws {
        try await play {
            let apus = try Deployment(Deployment.configuration(before: []))
            try #require(mkfifo(apus.folder.path + "/fifo", 0o600) == 0)
            for (path, words) in [
                ("/dev/zero", "it is a device"), (".", "it is a directory"),
                ("fifo", "nobody has written to it for 5 seconds"),
            ] {
                let start = ContinuousClock.now
                let outcome = try apus.apus("check", "-c", path)
                #expect(outcome.status == 1 && outcome.text.contains(words), "\(path): \(outcome.text)")
                #expect(start.duration(to: .now) < .seconds(7) + slack)
            }
            // What an operator names himself is read: a pipe of the shell's, and one that somebody writes.
            try apus.write(
                """
                listeners: [{ bind: 127.0.0.1:8080 }]
                pools: { web: { endpoints: [127.0.0.1:1] } }
                """)
            for shell in [
                "cat apus.yaml | ./apus check -c /dev/stdin", "cat apus.yaml > fifo & ./apus check -c fifo; wait",
            ] {
                let outcome = try outcome(of: "/bin/sh", ["-c", "cd \"$0\" && { \(shell); }", apus.folder.path])
                #expect(outcome.status == 0 && outcome.text.contains("ok: "), "\(shell): \(outcome.text)")
            }
        }
    }

    /// An access log that is a pipe without a reader keeps nobody waiting; a reader that comes gets its lines.
    @Test func anAccessLogWithoutAReaderHoldsUpNobody() async throws {
        try await play {
            let origin = try MoodyOrigin("a")
            let apus = try Deployment(
                Deployment.configuration(
                    before: [origin.address],
                    more: #"access_log: { to: FOLDER/fifo, format: "{target} {status}" }"#))
            let fifo = apus.folder.path + "/fifo"
            try #require(mkfifo(fifo, 0o600) == 0)
            try apus.start()
            #expect(try apus.get("/first").status == 200)
            try apus.expect("runs on (signal)") { apus.process.signal(SIGHUP) }
            try apus.expect("the log files were opened anew") { apus.process.signal(SIGUSR1) }
            let reader = open(fifo, O_RDONLY | O_NONBLOCK)
            defer { close(reader) }
            #expect(try apus.get("/second").status == 200)
            var text = ""
            try eventually("lines in the pipe") {
                var bytes = [UInt8](repeating: 0, count: 4096)
                let count = read(reader, &bytes, bytes.count)
                if count > 0 { text += String(decoding: bytes[..<count], as: UTF8.self) }
                return text.contains("/second 200")
            }
            let ending = ContinuousClock.now
            #expect(try apus.stop() == 0)
            #expect(ending.duration(to: .now) < .seconds(2) + slack)
            // A machine that is busy has more to complain of.
            let told = apus.complaints.filter { !$0.contains("probes were late") }
            #expect(told.count == 1 && told[0].contains("/fifo is not written: Broken pipe"), "\(told)")
        }
    }
}

extension Deployment {
    private static let token = "a-token-of-more-than-sixteen-bytes"
    /// An admin server that takes changes.
    fileprivate static let guarded = "admin: { bind: 127.0.0.1:PORT, token: \(token) }"

    /// Asks the admin server for a change.
    fileprivate func change(_ target: String, _ method: String, body: String) throws -> Response {
        try ask(target, method, body: body, token: Self.token)
    }
}

/// The memory of a process that is in use.
private func residentBytes(of process: pid_t) throws -> Int {
    let text = try String(contentsOfFile: "/proc/\(process)/statm", encoding: .utf8)
    return Int(text.split(separator: " ")[1])! * 4096
}
