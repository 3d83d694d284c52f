import ApusAddresses
import ApusModel
import ApusTestKit
import Foundation
import Testing

/// Who may do what by which listener of the admin server.
@Suite(.serialized, .timeLimit(.minutes(3))) struct AdminDoors {
    /// A configuration with an address to read and a socket to change, and the commands that find both by themselves.
    @Test func commandsFindTheListenerThatAllowsThem() async throws {
        try await play {
            let origins = try ["a", "b"].map { try MoodyOrigin($0) }
            let apus = try Deployment(Deployment.configuration(before: origins.map(\.address)))
            try apus.start()
            let one = "\(origins[0].address)"
            func expect(_ status: Int32, _ words: String..., from arguments: String...) throws {
                let outcome = try apus.apus(arguments, environment: ["APUS_ADMIN": ""])
                #expect(outcome.status == status, "\(arguments): \(outcome.text)")
                for word in words { #expect(outcome.text.contains(word), "\(arguments): \(outcome.text)") }
            }
            let check = try apus.apus("check", "-c", "apus.yaml").text
            #expect(
                check.contains("admin     \(apus.admin): read\n") && check.contains("admin     \(apus.door): change\n"))

            try expect(0, "ready", from: "status", "-c", "apus.yaml")
            try expect(0, "web", from: "top", "-c", "apus.yaml", "--interval", "0.1")
            try expect(0, "draining", from: "drain", "web", one, "-c", "apus.yaml")
            try expect(0, "healthy", from: "undrain", "web", one, "-c", "apus.yaml")
            try expect(0, "nothing would change", from: "diff", "apus.yaml", "-c", "apus.yaml")
            try expect(0, "nothing has changed", from: "reload", "-c", "apus.yaml")

            // By the address nothing is changed, and the refusal says where it is.
            try expect(
                1, "Ask `\(apus.door)`", "--admin", "-c FILE", from: "drain", "web", one, "--admin", "\(apus.admin)")
            try expect(2, "Ask `\(apus.door)`", from: "diff", "apus.yaml", "--admin", "\(apus.admin)")
            #expect(try apus.ask("/v1/config", "PUT", body: "listeners: []").status == 403)

            // Who did it, and who was refused, is in the log.
            let path = "/v1/pools/web/endpoints/\(one)"
            let by = "by uid \(geteuid()), gid \(getegid()), pid "
            try eventually("the latest line") { apus.count("admin: refused PUT /v1/config, by 127.0.0.1:") == 1 }
            #expect(apus.count("admin: PATCH \(path) (drain), \(by)") == 1)
            #expect(apus.count("admin: refused PATCH \(path), by 127.0.0.1:") == 1)
            #expect(apus.count("through \(apus.admin): 403") >= 2)
            #expect(apus.count("Apus serves as root") == (geteuid() == 0 ? 1 : 0))

            let socket = apus.folder.path + "/admin.sock"
            let mode = try FileManager.default.attributesOfItem(atPath: socket)[.posixPermissions] as? Int
            #expect(mode == 0o660)
            #expect(try apus.stop() == 0)
            #expect(!FileManager.default.fileExists(atPath: socket))
        }
    }

    /// A file from before there were roles: it loads, tells, and changes nothing.
    @Test func anAddressAloneIsForReading() async throws {
        try await play {
            let origin = try MoodyOrigin("a")
            let apus = try Deployment(
                Deployment.configuration(before: [origin.address], more: "admin: { bind: 127.0.0.1:PORT }"))
            let check = try apus.apus("check", "--strict", "-c", "apus.yaml")
            #expect(check.status == 0 && check.text.contains("admin     \(apus.admin): read\n"), "\(check.text)")
            try apus.start()
            #expect(try apus.apus("status").status == 0)
            #expect(try apus.ask("/v1/config/reload", "POST").status == 403)
            let named = try apus.apus("reload")
            #expect(named.status == 1 && named.text.contains("give this listener a `token`"), "\(named.text)")
            let found = try apus.apus(["reload", "-c", "apus.yaml"], environment: ["APUS_ADMIN": ""])
            #expect(found.status == 3 && found.text.contains("no admin listener with `role: change`"), "\(found.text)")

            // A token is enough to change by it, and a reload brings it.
            try apus.write(
                Deployment.configuration(
                    before: [origin.address], more: "admin: { bind: 127.0.0.1:PORT, token: open-sesame-open-sesame }"))
            try apus.expect("revision 2 runs") { apus.process.signal(SIGHUP) }
            let allowed = try apus.apus(["reload", "-c", "apus.yaml"], environment: ["APUS_ADMIN": ""])
            #expect(allowed.status == 0, "\(allowed.text)")
            #expect(try apus.ask("/v1/status").status == 401)
        }
    }

    /// Commands find out by `-c` that the server speaks TLS, and believe its own certificate, whoever has signed it.
    @Test func commandsSpeakTLS() async throws {
        try await play {
            let origin = try MoodyOrigin("a")
            let apus = try Deployment(
                Deployment.configuration(
                    before: [origin.address],
                    more: """
                        admin:
                          bind: 127.0.0.1:PORT
                          token: open-sesame-open-sesame
                          tls: { certificate: admin.pem, key: admin.key }
                        """))
            func show(_ name: String) throws {
                for kind in ["key", "pem"] {
                    let text = try TestCertificates.bytes("\(name).\(kind)")
                    try apus.folder.write(String(decoding: text, as: UTF8.self), to: "admin.\(kind)")
                }
            }
            func expect(_ status: Int32, _ words: String, from arguments: [String]) throws {
                let outcome = try apus.apus(arguments, environment: ["APUS_ADMIN": ""])
                #expect(outcome.status == status && outcome.text.contains(words), "\(arguments): \(outcome.text)")
            }
            let (ca, place) = (TestCertificates.path("ca.pem"), "\(apus.admin)")
            let token = ["--token-file", "token"]
            try apus.folder.write("open-sesame-open-sesame\n", to: "token")
            try show("site")
            try apus.start()
            try eventually("the address") { apus.count("admin server at https://\(place)/ (change)") == 1 }
            try expect(0, "ready", from: ["status", "-c", "apus.yaml"])
            try expect(0, "web", from: ["top", "-c", "apus.yaml", "--interval", "0.1"])
            try expect(0, "nothing has changed", from: ["reload", "-c", "apus.yaml"])
            try expect(0, "admin server \(place)", from: ["certificates", "-c", "apus.yaml"])
            try expect(0, "ready", from: ["status", "--admin", "https://\(place)", "--admin-ca", ca] + token)
            try expect(3, "unknown issuer", from: ["status", "--admin", "https://\(place)"] + token)
            try expect(3, "--admin-ca", from: ["status", "--admin", "https://\(place)"] + token)
            try expect(1, "https://", from: ["status", "--admin", place] + token)
            // Renewed: loaded without a reload, and believed by whoever reads the configuration. It stands alone, is for
            // another name, and no authority that the system trusts has signed it.
            try apus.expect("revision 2 runs") { try show("alone") }
            // That is said at a check, and not whenever the configuration is read.
            #expect(apus.count("stands alone") == 0)
            try expect(0, "stands alone", from: ["check", "-c", "apus.yaml"])
            #expect(try !apus.apus(["explain", "-c", "apus.yaml", "GET", "/"]).text.contains("stands alone"))
            try expect(0, "ready", from: ["status", "-c", "apus.yaml"])
            try expect(
                3, "certificate for another name",
                from: ["status", "--admin", "https://\(place)", "--admin-ca", ca] + token)
            // A server with another certificate than the configuration's is none that is believed.
            try apus.folder.write(
                apus.folder.read("apus.yaml").replacing("admin.pem", with: TestCertificates.path("site.pem"))
                    .replacing("admin.key", with: TestCertificates.path("site.key")), to: "other.yaml")
            try expect(3, "has shown another certificate", from: ["status", "-c", "other.yaml"])
            // By another word for the same place it is TLS, too.
            let port = place.split(separator: ":").last.map(String.init) ?? ""
            try expect(0, "ready", from: ["status", "-c", "apus.yaml", "--admin", "localhost:\(port)"])
        }
    }

    /// The configuration's token is for its listeners, and one without a token is told none.
    @Test func aTokenIsToldToNobodyElse() async throws {
        try await play {
            let stranger = try Origin(answer: "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}")
            let place = "\(stranger.address)"
            func configuration(_ listeners: [String]) -> String {
                """
                listeners: [{ bind: 127.0.0.1:0 }]
                pools: { web: { endpoints: [127.0.0.1:1] } }
                admin: [\(listeners.joined(separator: ", "))]
                """
            }
            let guarded = "{ bind: \"127.0.0.1:1\", token: open-sesame-open-sesame, role: change }"
            let apus = try Deployment(configuration([guarded, "{ bind: \"\(place)\", role: read }"]))
            try apus.folder.write(configuration([guarded]), to: "only.yaml")
            try apus.folder.write("open-sesame-open-sesame\n", to: "token")
            func ask(_ arguments: String..., token: String = "") throws {
                _ = try apus.apus(
                    ["status"] + arguments, environment: ["APUS_ADMIN": "", "APUS_ADMIN_TOKEN": token])
            }
            try ask("-c", "apus.yaml", "--admin", place)
            try ask("-c", "apus.yaml", "--admin", "localhost:\(stranger.address.port)")
            try ask("-c", "apus.yaml", token: "open-sesame-open-sesame")
            try ask("-c", "only.yaml", "--admin", place)
            #expect(stranger.requests.count == 4)
            for request in stranger.requests { #expect(!"\(request.fields)".contains("sesame"), "\(request.fields)") }
            // One that is to speak TLS, nobody knows how, is not asked in the clear.
            for wrong in ["tls: admin.pem", "tls:", "tsl: { certificate: admin.pem }"] {
                let written = "{ bind: \"\(place)\", token: open-sesame-open-sesame, role: change, \(wrong) }"
                try apus.folder.write(configuration([written]), to: "wrong.yaml")
                try ask("-c", "wrong.yaml")
            }
            #expect(stranger.requests.count == 4)
            // Whoever names a token means it.
            try ask("--admin", place, "--token-file", "token")
            let last = try #require(stranger.requests.last)
            #expect("\(last.fields)".contains("sesame"))
        }
    }

    /// A caller's certificate, and the name that the log has of it.
    @Test func commandsShowACertificate() async throws {
        try await play {
            let origin = try MoodyOrigin("a")
            let path = TestCertificates.path
            let apus = try Deployment(
                Deployment.configuration(
                    before: [origin.address],
                    more: """
                        admin:
                          bind: 127.0.0.1:PORT
                          token: open-sesame-open-sesame
                          tls:
                            certificate: \(path("site.pem"))
                            key: \(path("site.key"))
                            clients: { ca: \(path("ca.pem")), crl: \(path("crl.pem")) }
                        """))
            try apus.start()
            func drain(showing name: String?) throws -> (status: Int32, text: String) {
                let shown = name.map { ["--admin-cert", path("\($0).pem"), "--admin-key", path("\($0).key")] } ?? []
                return try apus.apus(
                    ["drain", "web", "\(origin.address)", "-c", "apus.yaml"] + shown, environment: ["APUS_ADMIN": ""])
            }
            let check = try apus.apus("check", "-c", "apus.yaml").text
            #expect(check.contains("change, TLS with certificates of clients, with a token"), "\(check)")
            let refusals = [
                (nil, "--admin-cert FILE"), ("revoked", "It does not accept the certificate in \(path("revoked.pem"))"),
            ]
            for (name, words) in refusals {
                let refused = try drain(showing: name)
                #expect(refused.status == 3 && refused.text.contains(words), "\(refused.text)")
            }
            let done = try drain(showing: "client")
            #expect(done.status == 0 && done.text.contains("draining"), "\(done.text)")
            try eventually("who it was") { apus.count(" (certificate client.test) through \(apus.admin): done") == 1 }
            try eventually("who was refused") { apus.count(": certificate revoked") == 1 }
        }
    }

    /// While files are refused, commands find the server nevertheless, and say so.
    @Test func commandsWorkBesideRefusedFiles() async throws {
        try await play {
            let origin = try MoodyOrigin("a")
            let configuration = Deployment.configuration(
                before: [origin.address],
                more: """
                    admin:
                      bind: 127.0.0.1:PORT
                      token: open-sesame-open-sesame
                      tls: { certificate: admin.pem, key: admin.key }
                    """)
            let apus = try Deployment(configuration)
            func show(_ name: String, _ kinds: [String]) throws {
                for kind in kinds {
                    let text = try TestCertificates.bytes("\(name).\(kind)")
                    try apus.folder.write(String(decoding: text, as: UTF8.self), to: "admin.\(kind)")
                }
            }
            func status(_ arguments: String...) throws -> (status: Int32, text: String) {
                try apus.apus(["status", "-c", "apus.yaml"] + arguments, environment: ["APUS_ADMIN": ""])
            }
            try show("site", ["key", "pem"])
            try apus.start()
            // Refused for something else.
            try apus.write(configuration.replacing("workers: 2", with: "workers: 2\nrubbish: 1"))
            try apus.expect("the configuration was refused (signal)") { apus.process.signal(SIGHUP) }
            let first = try status()
            #expect(first.status == 0 && first.text.contains(" (signal): "), "\(first.text)")
            #expect(first.text.contains("; a restart would fail\n") && !first.text.contains("apus: "), "\(first.text)")
            try apus.expect("the files are good again: what runs is what they say") { try apus.write(configuration) }
            #expect(try !status().text.contains("refused"))
            // Its own pair, with the new key first: the certificate is still the one that runs.
            try apus.expect("the configuration was refused (certificates)") { try show("other", ["key"]) }
            let half = try status()
            #expect(half.status == 0 && half.text.contains("is not that of the certificate"), "\(half.text)")
            #expect(half.text.contains("admin.pem alone is believed"), "\(half.text)")
            #expect(half.text.contains("(certificates): "), "\(half.text)")
            // The other way round it is not, and somebody has to say whom to believe.
            try show("site", ["key"])
            try show("other", ["pem"])
            let other = try status()
            #expect(other.status == 3 && other.text.contains("may not be the one that runs"), "\(other.text)")
            let believing = try status("--admin-ca", TestCertificates.path("ca.pem"))
            #expect(believing.status == 0 && believing.text.contains("a restart would fail"), "\(believing.text)")
            // A file that cannot be read at all.
            try apus.folder.write("admin: [", to: "broken.yaml")
            let broken = try apus.apus(["status", "-c", "broken.yaml"], environment: ["APUS_ADMIN": ""])
            #expect(broken.status == 3 && broken.text.contains("as far as it can be read"), "\(broken.text)")
        }
    }

    /// Warnings of a reload go where those of other commands go.
    @Test func warningsOfAReloadAreNoOutput() async throws {
        try await play {
            let origin = try MoodyOrigin("a")
            let apus = try Deployment(
                Deployment.configuration(before: [origin.address], more: "timeouts: { drain: 7s }"))
            try apus.start()
            let pools = "\n  idle: { endpoints: [\(origin.address)] }\n"
            try apus.write(
                Deployment.configuration(before: [origin.address])
                    .replacing("bind: LISTEN", with: "bind: LISTEN\n    routes: [{ pool: web }]") + pools)
            let command = "cd '\(apus.folder.path)' && '\(apus.program)' reload -c apus.yaml"
            let quiet = try outcome(of: "/bin/sh", ["-c", "\(command) --dry-run 2> /dev/null"])
            #expect(quiet.status == 0 && quiet.text.hasPrefix("It would run."), "\(quiet.text)")
            #expect(!quiet.text.contains("warning"), "\(quiet.text)")
            let whole = try outcome(of: "/bin/sh", ["-c", command])
            #expect(whole.status == 0 && whole.text.contains("the pool `idle` is used by no route"), "\(whole.text)")
        }
    }

    /// What cannot be bound is said with what to do, and nothing is left behind.
    @Test func aSocketThatCannotBeBoundIsSaid() async throws {
        try await play {
            let origin = try MoodyOrigin("a")
            let apus = try Deployment(
                Deployment.configuration(
                    before: [origin.address],
                    more: #"admin: [{ bind: "unix:FOLDER/admin.sock" }, { bind: "unix:FOLDER/no/admin.sock" }]"#))
            let outcome = try apus.apus("run", "-c", "apus.yaml")
            #expect(outcome.status == 3)
            #expect(outcome.text.contains("Its directory must exist"), "\(outcome.text)")
            #expect(!FileManager.default.fileExists(atPath: apus.folder.path + "/admin.sock"))
        }
    }

    /// A socket that every user of the machine could replace is told of.
    @Test func aDirectoryForEverybodyIsWarnedOf() async throws {
        try await play {
            let origin = try MoodyOrigin("a")
            let apus = try Deployment(Deployment.configuration(before: [origin.address]))
            try FileManager.default.setAttributes([.posixPermissions: 0o777], ofItemAtPath: apus.folder.path)
            try apus.start()
            try eventually("a warning") { apus.count("may put another socket in the place") == 1 }
        }
    }
}
