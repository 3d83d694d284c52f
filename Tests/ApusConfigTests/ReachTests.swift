import ApusModel
import Foundation
import Testing

@testable import ApusConfig

/// What a configuration that somebody has sent may read and write.
@Suite struct ReachTests {
    static let secret = "root:$6$shadow:19000:0:99999:7:::"
    static let base = """
        listeners: [{ bind: 127.0.0.1:8080, routes: [{ pool: web }] }]
        pools: { web: { endpoints: [127.0.0.1:1] } }

        """

    /// A machine: a folder with the running configuration in `etc`, and more beside it.
    struct Machine {
        let folder: TemporaryFolder
        var main: String { folder.path("etc/apus.yaml") }
        let environment: [String: String]

        init(_ environment: [String: String] = [:]) throws {
            folder = try TemporaryFolder()
            self.environment = environment
            try folder.write(ReachTests.secret + "\n", to: "private/shadow")
        }

        var loader: ConfigurationLoader {
            ConfigurationLoader(
                resolve: { _ in [] }, defaultWorkers: 1, defaultNode: "test", environment: { environment[$0] })
        }

        /// Loads `sent` as if it had been sent while `running` runs.
        func load(_ sent: String, running: String = ReachTests.base, allowing: [String] = []) throws
            -> LoadedConfiguration
        {
            try folder.write(whole(running), to: "etc/apus.yaml")
            var loader = loader
            let patterns = try allowing.map { try #require(FilePattern(whole($0))) }
            loader.limit = ReachLimit(try loader.load(path: main), main: main, patterns: patterns)
            return try loader.load(text: whole(sent), file: main)
        }

        /// The errors of that.
        func refusal(_ sent: String, running: String = ReachTests.base, allowing: [String] = []) throws -> [Diagnostic]
        {
            do {
                _ = try load(sent, running: running, allowing: allowing)
                return []
            } catch let errors as ConfigurationErrors {
                return errors.diagnostics
            }
        }

        private func whole(_ text: String) -> String { text.replacing("HERE", with: folder.url.path) }
    }

    @Test(arguments: [
        "include: [HERE/private/shadow]", "include: [HERE/private/../private/shadow]", "include: HERE//private//shadow",
        "include: [../private/shadow]", "include: [HERE/private/*]", "include: HERE/nowhere",
        "include: [/proc/self/environ]",
        "include: /dev/zero", "include: /proc/self/fd/0", "include: [HERE/etc/../private/s*]", "include: /",
        "access_log: HERE/private/log", "access_log: { to: /etc/cron.d/x, format: \"* * * * * root {user_agent}\" }",
        "access_log: /dev/stdout", "access_log: /proc/self/fd/1", "access_log: \"syslog:HERE/socket\"",
        "node: ${HOME}", "node: ${UNSET}", "node: \"${UNSET:-x}\"", "zone: \"a-${HOME}\"",
        "admin: { bind: 127.0.0.1:9900, token: { file: HERE/private/shadow } }",
    ])
    func nothingBeyondWhatRunsIsTouched(_ line: String) throws {
        let machine = try Machine(["HOME": "/home/secret-of-the-environment"])
        let found = try machine.refusal(Self.base + line)
        #expect(found.count == 1, "\(found)")
        let text = found.map(\.rendered).joined()
        #expect(text.contains("may not be") && text.contains("admin API"), "\(text)")
        #expect(!text.contains("shadow:") && !text.contains("secret-of") && !text.contains("such file"), "\(text)")
    }

    /// The answer is the same for what is there and what is not.
    @Test(arguments: ["include: PATH", "include: PATH/*", "access_log: PATH"])
    func whetherThereIsSuchAFileIsNotTold(_ line: String) throws {
        let machine = try Machine()
        func answer(_ path: String) throws -> [String] {
            try machine.refusal(Self.base + line.replacing("PATH", with: path)).map {
                $0.message.replacing(machine.folder.url.path, with: "").replacing("shadow", with: "absent")
            }
        }
        #expect(try answer("HERE/private/shadow") == answer("HERE/private/absent"))
        #expect(try answer("HERE/private/shadow") != [])
    }

    @Test func whatRunsMayBeUsedAgainForTheSamePurpose() throws {
        let machine = try Machine(["PLACE": "zone-of-it"])
        try machine.folder.write("pools: { more: { endpoints: [127.0.0.1:2] } }\n", to: "etc/pools.d/more.yaml")
        try machine.folder.write("a-token-of-sixteen-bytes\n", to: "private/token")
        let running =
            Self.base + """
                include: pools.d/*.yaml
                zone: ${PLACE}
                access_log: HERE/log
                admin: { bind: 127.0.0.1:9900, token: { file: HERE/private/token } }
                """
        let loaded = try machine.load(running + "\ntimeouts: { drain: 3s }\n", running: running)
        #expect(loaded.snapshot.zone == "zone-of-it" && loaded.files.count == 2)
        // For another purpose, each is refused.
        let lines = [
            "node: ${PLACE}", "include: HERE/private/token", "access_log: HERE/private/token", "include: HERE/log",
            "pools: { web: { endpoints: [127.0.0.1:1], sticky: { cookie: c, secret: { file: HERE/private/token } } } }",
        ]
        for line in lines {
            let base = line.hasPrefix("pools") ? String(Self.base.split(separator: "\n")[0]) + "\n" : Self.base
            let found = try machine.refusal(base + line, running: running)
            #expect(found.contains { $0.message.contains("may not be") }, "\(line): \(found)")
        }
    }

    @Test func whatTheKeyAllowsMayBeUsed() throws {
        let machine = try Machine()
        try machine.folder.write("pools: { more: { endpoints: [127.0.0.1:2] } }\n", to: "more/pool.yaml")
        try machine.folder.write("a-token-of-sixteen-bytes\n", to: "more/deep/token")
        try FileManager.default.createDirectory(atPath: machine.folder.path("logs"), withIntermediateDirectories: true)
        let loaded = try machine.load(
            Self.base + """
                include: [HERE/more/*.yaml]
                access_log: HERE/logs/access
                admin: { bind: 127.0.0.1:9900, token: { file: HERE/more/deep/token } }
                """, allowing: ["HERE/more/**", "HERE/logs/*"])
        #expect(
            loaded.files.count == 2
                && loaded.snapshot.accessLog.destination
                    == .file(path: machine.folder.path("logs/access"), followsLinks: false)
        )
        #expect(loaded.lent.count == 4 && loaded.lentPaths.count == 4)
        // The operator's own may be links.
        let own = try machine.load(
            Self.base + "access_log: HERE/logs/access", running: Self.base + "access_log: HERE/logs/access",
            allowing: ["HERE/logs/*"])
        #expect(own.snapshot.accessLog.destination == .file(path: machine.folder.path("logs/access")))
        #expect(own.lent.isEmpty)
        #expect(loaded.snapshot.operations.admin.first?.token != nil)
        let found = try machine.refusal(
            Self.base + "include: HERE/more/deep/token", allowing: ["HERE/more/*"])
        #expect(found.map(\.message).joined().contains("may not be included"), "\(found)")
    }

    @Test func linksDoNotLeadOut() throws {
        let machine = try Machine()
        try machine.folder.write("pools: { more: { endpoints: [127.0.0.1:2] } }\n", to: "more/..data/pool.yaml")
        try machine.folder.link("more/shadow.yaml", to: "../private/shadow")
        try machine.folder.link("more/private", to: "../private")
        try machine.folder.link("more/pool.yaml", to: "..data/pool.yaml")
        try machine.folder.link("more/log", to: "../private/log")
        for line in [
            "include: HERE/more/shadow.yaml", "include: HERE/more/private/shadow", "include: HERE/more/private/*",
            "access_log: HERE/more/log", "access_log: HERE/more/private/log",
        ] {
            let found = try machine.refusal(Self.base + line, allowing: ["HERE/more/**"])
            #expect(found.count == 1 && found[0].severity == .error, "\(line): \(found)")
            #expect(!found.map(\.rendered).joined().contains("shadow:"), "\(line): \(found)")
        }
        // A link that stays below is none that leads out; `*` stands for one level.
        #expect(
            try machine.load(Self.base + "include: HERE/more/pool.yaml", allowing: ["HERE/more/**"]).files.count == 2)
        #expect(try !machine.refusal(Self.base + "include: HERE/more/pool.yaml", allowing: ["HERE/more/*"]).isEmpty)
    }

    /// A text that somebody logs must not become a configuration, nor what the process starts with.
    @Test(arguments: [
        "HERE/etc/apus.yaml", "HERE/etc/more.yaml", "HERE/etc/pools.d/x.yaml", "HERE/state/changes", "HERE/fifo",
    ])
    func logsAreKeptAwayFromConfigurations(_ path: String) throws {
        let machine = try Machine()
        try machine.folder.write("pools: { more: { endpoints: [127.0.0.1:2] } }\n", to: "etc/pools.d/more.yaml")
        try machine.folder.write("", to: "state/revision-1")
        try #require(mkfifo(machine.folder.path("fifo"), 0o600) == 0)
        let found = try machine.refusal(
            Self.base + "access_log: \(path)",
            running: Self.base + "include: pools.d/*.yaml\nstate: HERE/state", allowing: ["HERE/**"])
        #expect(found.count == 1 && found[0].message.contains("may not be written"), "\(found)")
    }

    /// What is allowed and no configuration is not quoted, whatever is wrong with it.
    @Test(arguments: [
        "key: -----BEGIN", "a\tb: c: d\n- e", "[1, 2", "pools: { web: { endpoint: hunter2 } }", "*hunter2", "hunter2",
    ])
    func filesThatWereNotSentAreNotQuoted(_ text: String) throws {
        let machine = try Machine()
        try machine.folder.write("hunter2: hunter2\n" + text + "\n# hunter2", to: "more/key")
        let found = try machine.refusal(Self.base + "include: HERE/more/key", allowing: ["HERE/more/*"])
        let words = found.map { "\($0.rendered) \($0.note ?? "")" }.joined()
        #expect(!found.isEmpty && !words.contains("hunter2"), "\(words)")
        // What the sender wrote is quoted to him.
        let own = try machine.refusal(Self.base + "hunter2: 3", allowing: ["HERE/more/*"])
        #expect(own.map(\.rendered).joined().contains("hunter2"))
    }

    /// What runs is quoted as it was read; what has become of the file since is not.
    @Test func filesThatRunAreQuotedAsTheyWere() throws {
        let machine = try Machine()
        try machine.folder.write("pools: { web: { endpoints: [127.0.0.1:2] } }\n", to: "etc/more.yaml")
        let running = "include: more.yaml\nlisteners: [{ bind: 127.0.0.1:8080, routes: [{ pool: web }] }]\n"
        let sent = running + "pools: { web: { endpoints: [127.0.0.1:3] } }\n"
        #expect(
            try machine.refusal(sent, running: running).map(\.rendered).joined().contains("endpoints: [127.0.0.1:2]"))
        var loader = machine.loader
        loader.limit = ReachLimit(try loader.load(path: machine.main), main: machine.main, patterns: [])
        try machine.folder.write("pools: { web: { endpoints: hunter2 } }\n", to: "etc/more.yaml")
        let error = #expect(throws: ConfigurationErrors.self) { try loader.load(text: running, file: machine.main) }
        #expect(try !#require(error).description.contains("hunter2"))
    }

    @Test func valuesOfVariablesAreShownByTheirNames() throws {
        let machine = try Machine(["ORIGIN": "secret-host.internal", "PORT": "81", "LONG": "not a name at all"])
        let found = try machine.refusal(
            """
            listeners: [{ bind: 127.0.0.1:8080, name: "${LONG}", routes: [{ pool: web }] }]
            pools: { web: { endpoints: ["${ORIGIN}:${PORT}", "${ORIGIN}:81"] } }
            """)
        #expect(!found.isEmpty)
        var own = machine.loader
        own.limit = nil
        let error = #expect(throws: ConfigurationErrors.self) {
            try own.load(
                text: """
                    listeners: [{ bind: 127.0.0.1:8080, name: "${LONG}", routes: [{ pool: web }] }]
                    pools: { web: { endpoints: ["${ORIGIN}:${PORT}", "${ORIGIN}:81"] } }
                    """, file: "a.yaml")
        }
        let text = try #require(error).description
        #expect(!text.contains("secret-host") && !text.contains("not a name") && text.contains("${ORIGIN}"), "\(text)")
    }

    /// What is made of the text is shown and sent: another text around a variable would tell its value.
    @Test(arguments: [
        ("zone: \"a-${Z}\"", "zone: \"b-${Z}\""), ("zone: \"a-${Z}\"", "zone: ${Z}"), ("zone: ${Z}", "zone: a${Z}b"),
        ("zone: ${Z}", "zone: ${Z}${Z}"), ("zone: \"${Z:-x}\"", "zone: ${Z}"),
    ])
    func variablesMayBeUsedInTheSameTextOnly(_ running: String, _ sent: String) throws {
        let machine = try Machine(["Z": "hunter2secret"])
        let text = try machine.refusal(Self.base + sent, running: Self.base + running).map(\.rendered).joined()
        #expect(text.contains("may not be used here") && text.contains("very same text"), "\(text)")
        #expect(!text.contains("hunter2"))
        #expect(try machine.load(Self.base + running, running: Self.base + running).snapshot.zone != nil)
    }

    @Test func valuesAreHiddenWhereverTheyStand() {
        var mask = VariableMask()
        mask.add("hunter2Secret", of: "PW")
        mask.add("80", of: "PORT")
        mask.add("a\"b{c", of: "ODD")
        mask.add("https", of: "S")
        for (text, shown) in [
            ("pre_hunter2Secret_post ahunter2Secretb", "pre_${PW}_post a${PW}b"),
            ("HUNTER2SECRET.hunter2secret:9", "${PW}.${PW}:9"), ("hunter2", "hunter2"),
            ("`xhunter2Se...`", "`x${PW}...`"), ("\"xhunter2Se\"... (9 bytes", "\"x${PW}\"... (9 bytes"),
            ("8080 `80` \"80\"", "8080 `${PORT}` \"${PORT}\""),
            ("x" + "a\"b{c".debugDescription + "a\"b{{c", "x\"${ODD}\"${ODD}"),
            ("${PW} ${S:-https} ${https}", "${PW} ${S:-${S}} ${${S}}"), ("ähunter2secretß", "ä${PW}ß"),
        ] { #expect(mask.masked(text) == shown, "\(text)") }
    }

    /// What a pattern lends stays lent: what was a plain file then may be a link later.
    @Test func linksThatComeLaterDoNotLeadOut() throws {
        let machine = try Machine()
        let folder = machine.folder
        try folder.write("pools: { more: { endpoints: [127.0.0.1:2] } }\n", to: "more/pool.yaml")
        try folder.write("a-token-of-sixteen-bytes\n", to: "keys/token")
        try folder.write("", to: "logs/access")
        let patterns = ["more", "keys", "logs"].map { FilePattern("\(folder.url.path)/\($0)/*")! }
        func whole(_ text: String) -> String { text.replacing("HERE", with: folder.url.path) }
        for (line, file) in [
            ("include: HERE/more/pool.yaml", "more/pool.yaml"), ("include: HERE/more/*.yaml", "more/pool.yaml"),
            ("access_log: HERE/logs/access", "logs/access"),
            ("admin: { bind: 127.0.0.1:9900, token: { file: HERE/keys/token } }", "keys/token"),
        ] {
            let text = whole(Self.base + line)
            try folder.write(whole(Self.base), to: "etc/apus.yaml")
            var loader = machine.loader
            loader.limit = ReachLimit(
                try loader.load(path: machine.main), main: machine.main, patterns: patterns)
            let first = try loader.load(text: text, file: machine.main)
            #expect(!first.lent.isEmpty, "\(line)")
            // As long as it is what it was, it may be used again, however often.
            loader.limit = ReachLimit(first, main: machine.main, patterns: patterns)
            let second = try loader.load(text: text, file: machine.main)
            #expect(second.lent == first.lent)
            loader.limit = ReachLimit(second, main: machine.main, patterns: patterns)
            let kept = try Data(contentsOf: URL(filePath: folder.path(file)))
            try FileManager.default.removeItem(atPath: folder.path(file))
            try folder.link(file, to: "../private/shadow")
            let error = #expect(throws: ConfigurationErrors.self, "\(line)") {
                try loader.load(text: text, file: machine.main)
            }
            #expect(error?.description.contains("shadow:") == false)
            // Neither once the pattern is withdrawn, nor for who goes back to it.
            loader.limit = ReachLimit(second, main: machine.main, patterns: [])
            #expect(throws: ConfigurationErrors.self, "\(line)") { try loader.load(text: text, file: machine.main) }
            var limit = ReachLimit(try machine.loader.load(path: machine.main), main: machine.main, patterns: patterns)
            limit.lentBefore = Set(second.lentPaths)
            loader.limit = limit
            let back = Result { try loader.reading(second.files).load(text: text, file: machine.main) }
            // Included files are kept with what ran; what is lent stays lent nevertheless.
            if line.hasPrefix("include") {
                #expect(try back.get().lent == second.lent, "\(line)")
            } else {
                #expect(throws: ConfigurationErrors.self, "\(line)") { try back.get() }
            }
            try FileManager.default.removeItem(atPath: folder.path(file))
            try kept.write(to: URL(filePath: folder.path(file)))
        }
    }

    @Test func patternsAreSpelledInOneWay() {
        for text in [
            "etc/apus", "/etc/*/x", "/etc/../x", "/etc//x", "/etc/./x", "/etc/", "/", "/*", "/**", "/etc", "",
            "/etc/x/..",
        ] { #expect(FilePattern(text) == nil, "\(text)") }
        let star = FilePattern("/etc/apus/*.yaml")!
        #expect(star.matches("/etc/apus/a.yaml") && !star.matches("/etc/apus/b/a.yaml"))
        #expect(!star.matches("/etc/apus/.a.yaml") && !star.matches("/etc/apus/x/../a.yaml"))
        let deep = FilePattern("/etc/apus/**")!
        #expect(deep.matches("/etc/apus/a/b") && !deep.matches("/etc/apus") && !deep.matches("/etc/apus2/a"))
        #expect(!deep.matches("/etc/apus/../shadow"))
        #expect("\(deep)" == "/etc/apus/**")
    }
}
