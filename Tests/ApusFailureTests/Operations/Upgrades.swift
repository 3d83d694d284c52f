import ApusTestKit
import Foundation
import Testing

extension DailyOperations {
    /// A successor that cannot serve is none: the one before goes on as if nothing had been, and says why.
    @Test func anUpgradeThatFails() async throws {
        try await play {
            let origin = try MoodyOrigin("a")
            let good = Deployment.configuration(before: [origin.address])
            let apus = try Deployment(good)
            try apus.start()
            let load = PacedLoad(on: apus.address, rate: 100, connections: 4)

            // The configuration has been broken meanwhile.
            try apus.write("listeners: []\npols: {}\n")
            let refused = try apus.apus("upgrade")
            #expect(refused.status == 1)
            #expect(refused.text.contains("\(apus.file):2:1") && refused.text.contains("`pools`"), "\(refused.text)")
            try expectUnchanged(apus)

            // What is in the program's place is none of ours.
            try apus.write(good)
            try apus.replaceProgram(with: "#!/bin/sh\necho 'this is no apus'\nexit 5\n")
            let died = try apus.run("upgrade")
            #expect(died.status == 1 && died.text.contains("exited with status 5"), "\(died.text)")
            #expect(apus.count("this is no apus") == 1)
            try expectUnchanged(apus)

            // By the signal, the log says it.
            try apus.expect("cannot be executed") {
                try FileManager.default.removeItem(atPath: apus.program)
                apus.process.signal(SIGUSR2)
            }
            try expectUnchanged(apus)

            try apus.replaceProgram(with: nil)
            let upgrade = try apus.apus("upgrade")
            #expect(upgrade.status == 0, "\(upgrade.text)")
            #expect(try apus.process.waitForEnd() == 0)
            let report = try load.stop()
            #expect(report.failures.isEmpty, "\(report)")
        }
    }

    private func expectUnchanged(_ apus: Deployment) throws {
        let status = try apus.json("/v1/status")
        #expect(status["process"]["id"].number == Int(apus.process.id))
        #expect(status["phase"].text == "serving" && status["revision"]["number"].number == 1)
    }

    /// A process on a Unix socket is asked there, before an upgrade and after it; the file's mode keeps others out.
    @Test func theAdminServerOnAUnixSocket() async throws {
        try await play {
            let origin = try MoodyOrigin("a")
            let configuration = Deployment.configuration(
                before: [origin.address], more: #"admin: { bind: "unix:FOLDER/admin.sock" }"#)
            let apus = try Deployment(configuration)
            try apus.start()
            let socket = apus.folder.path + "/admin.sock"
            for number in 1...2 {
                let status = try apus.apus("status", "--admin", "unix:\(socket)")
                #expect(status.status == 0 && status.text.contains("1 of 1 endpoints available"), "\(status.text)")
                // The configuration says where it is.
                #expect(try apus.apus(["status", "-c", apus.file], environment: ["APUS_ADMIN": ""]).status == 0)
                let mode = try FileManager.default.attributesOfItem(atPath: socket)[.posixPermissions] as? Int
                #expect(mode == 0o660)
                guard number == 1 else { break }
                let upgrade = try apus.apus("upgrade", "--admin", "unix:\(socket)")
                #expect(upgrade.status == 0, "\(upgrade.text)")
                #expect(try apus.process.waitForEnd() == 0)
                try eventually("the successor's socket") { FileManager.default.fileExists(atPath: socket) }
            }

            // What a process that was killed has left is no obstacle.
            apus.process.kill()
            #expect(FileManager.default.fileExists(atPath: socket))
            try apus.start()
            #expect(try apus.apus("status", "--admin", "unix:\(socket)").status == 0)
            #expect(try apus.stop() == 0)
            #expect(!FileManager.default.fileExists(atPath: socket))
            #expect(try apus.apus("status", "--admin", "unix:\(socket)").status == 3)
        }
    }

    /// Beyond loopback nobody is told anything without the token, and no configuration without one is accepted.
    @Test func aTokenBeyondLoopback() async throws {
        try await play {
            let origin = try MoodyOrigin("a")
            let place = "admin: { bind: 0.0.0.0:PORT"
            let apus = try Deployment(
                Deployment.configuration(before: [origin.address], more: place + ", token: { file: FOLDER/token } }"))
            try apus.folder.write("open-sesame-open-sesame\n", to: "token")
            try apus.start()
            for target in ["/v1/status", "/metrics", "/v1/config", "/"] {
                #expect(try apus.ask(target).status == 401)
                #expect(try apus.ask(target, token: "another-token-another-token").status == 401)
                #expect(try apus.ask(target, token: "open-sesame-open-sesame").status == 200)
            }
            #expect(try apus.ask("/v1/config/reload", "POST").status == 401)
            #expect(try apus.ask("/livez").status == 200)
            #expect(try apus.apus("status").status == 1)
            #expect(try apus.apus("status", "--token-file", "token").status == 0)
            #expect(try apus.apus(["status"], environment: ["APUS_ADMIN_TOKEN": "open-sesame-open-sesame"]).status == 0)

            try apus.write(Deployment.configuration(before: [origin.address], more: place + " }"))
            let check = try apus.apus("check", "-c", "apus.yaml")
            #expect(check.status == 1 && check.text.contains("token"), "\(check.text)")
        }
    }
}

extension Deployment {
    /// Puts a script where the program is; nil: the program again.
    fileprivate func replaceProgram(with script: String?) throws {
        try? FileManager.default.removeItem(atPath: program)
        guard let script else {
            try FileManager.default.createSymbolicLink(atPath: program, withDestinationPath: try builtProgram("apus"))
            return
        }
        try folder.write(script, to: "apus")
        try FileManager.default.setAttributes([.posixPermissions: 0o755], ofItemAtPath: program)
    }

    /// A command of the program itself, whatever is in its place.
    fileprivate func run(_ arguments: String...) throws -> (status: Int32, text: String) {
        try outcome(of: try builtProgram("apus"), arguments, environment: ["APUS_ADMIN": door])
    }
}
