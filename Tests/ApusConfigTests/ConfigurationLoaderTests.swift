import ApusAddresses
import ApusConfig
import ApusModel
import Foundation
import Synchronization
import Testing

@Suite struct ConfigurationLoaderTests {
    static let minimal = """
        listeners: [{ bind: 127.0.0.1:8080 }]
        pools: { web: { endpoints: [web.test:3001] } }
        """

    @Test func aListenerTakesTheFirstIPv4AddressThenTheFirstIPv6Address() throws {
        func bind(_ addresses: [String]) throws -> String {
            let loader = ConfigurationLoader(
                resolve: { _ in addresses.compactMap { IPAddress($0) } }, defaultWorkers: 1)
            let text = "listeners: [{ bind: own.test:8080 }]\npools: { web: { endpoints: [10.0.0.1:1] } }"
            return try loader.load(text: text, file: "f").snapshot.listeners[0].bind.description
        }
        #expect(try bind(["::1", "10.0.0.1", "10.0.0.2"]) == "10.0.0.1:8080")
        #expect(try bind(["::2", "::1"]) == "[::2]:8080")
        // The file is not wrong: the same one may be taken in a moment.
        let error = #expect(throws: ConfigurationErrors.self) { try bind([]) }
        #expect(error?.arePassing == true)
    }

    @Test func asksForANameOnce() throws {
        let asked = Mutex<[String]>([])
        let loader = ConfigurationLoader(
            resolve: { name in
                asked.withLock { $0.append(name) }
                return [IPAddress(ipv4: 1)]
            }, defaultWorkers: 1)
        let text = """
            listeners: [{ bind: 127.0.0.1:8080 }]
            pools: { web: { endpoints: [Web.test:3001, web.test:3002, "[::1]:3003", other.test:3004] } }
            """
        _ = try loader.load(text: text, file: "f")
        #expect(asked.withLock(\.self) == ["web.test", "other.test"])
    }

    @Test func oneWorkerPerCoreUnlessToldOtherwise() throws {
        #expect(AvailableCores.count >= 1)
        var loader = ConfigurationLoader.scripted
        loader.defaultWorkers = 7
        #expect(try loader.load(text: Self.minimal, file: "f").snapshot.workers == 7)
        #expect(try loader.load(text: "workers: 3\n" + Self.minimal, file: "f").snapshot.workers == 3)
    }

    @Test func theSystemResolvesTheLoopbackName() {
        let addresses = SystemResolver.addresses(of: "localhost")
        #expect(addresses.contains(IPAddress(ipv4: 0x7f00_0001)) || addresses.contains(IPAddress(high: 0, low: 1)))
        #expect(SystemResolver.addresses(of: "127.0.0.1") == [IPAddress(ipv4: 0x7f00_0001)])
        #expect(SystemResolver.addresses(of: "::1") == [IPAddress(high: 0, low: 1)])
    }

    @Test func aDiagnosticIsOneLineThatToolsCanRead() throws {
        let errors = try #require(throws: ConfigurationErrors.self) {
            try ConfigurationLoader.scripted.load(text: Self.minimal + "\nworkers: no\n", file: "etc/apus.yaml")
        }
        let diagnostic = try #require(errors.diagnostics.first)
        #expect(errors.diagnostics.count == 1)
        #expect(diagnostic.file == "etc/apus.yaml")
        #expect(diagnostic.position == SourcePosition(line: 3, column: 10))
        #expect(diagnostic.severity == .error)
        #expect(diagnostic.sourceLine == "workers: no")
        #expect(
            diagnostic.description
                == "etc/apus.yaml:3:10: error: `workers`: expected a whole number from 1 to 1024, found `no`")
        #expect(errors.description == diagnostic.rendered)
    }

    @Test func theCaretStandsBelowItsCharacterBehindTabsAndWideText() throws {
        let errors = try #require(throws: ConfigurationErrors.self) {
            try ConfigurationLoader.scripted.load(
                text: Self.minimal + "\naccess_log:\t[ é ]\r\n", file: "f")
        }
        #expect(
            errors.diagnostics[0].rendered == """
                f:3:13: error: `access_log`: expected `stdout`, `syslog`, `off` or an absolute path such as \
                `/var/log/apus.log`, found a list
                  3 | access_log:\t[ é ]
                    |            \t^
                """)
    }

    @Test func aliasesWithinAliasesEnd() throws {
        var text = "x0: &x0 [a, a, a, a, a, a, a, a, a, a]\n"
        for level in 1...9 {
            text +=
                "x\(level): &x\(level) [" + repeatElement("*x\(level - 1)", count: 10).joined(separator: ", ") + "]\n"
        }
        let errors = try #require(throws: ConfigurationErrors.self) {
            try ConfigurationLoader.scripted.load(text: text, file: "f")
        }
        #expect(errors.diagnostics.contains { $0.message.hasPrefix("the file holds more than 1000000 values") })
    }

    @Test func deepNestingIsRefused() {
        let text = String(repeating: "[", count: 100_000)
        #expect(throws: ConfigurationErrors.self) {
            try ConfigurationLoader.scripted.load(text: text, file: "f")
        }
    }

    /// A file may be cut short or lose any of its lines: there is an answer, and every error is in the file.
    @Test(arguments: try GoldenTests.files(ending: ".yaml").filter { $0.hasPrefix("good") })
    func damagedFilesGiveErrorsNeverTraps(file: String) throws {
        let complete = try String(contentsOf: GoldenTests.folder.appending(path: file), encoding: .utf8)
        let lines = complete.split(separator: "\n", omittingEmptySubsequences: false)
        let cut = stride(from: 0, to: complete.count, by: 37).map { String(complete.prefix($0)) }
        let shortened = lines.indices.map { index in
            (lines[..<index] + lines[(index + 1)...]).joined(separator: "\n")
        }
        for text in cut + shortened {
            do {
                _ = try ConfigurationLoader.scripted.load(text: text, file: "f")
            } catch {
                let count = text.split(separator: "\n", omittingEmptySubsequences: false).count
                #expect(error.diagnostics.contains { $0.severity == .error })
                #expect(error.diagnostics.allSatisfy { (1...count).contains($0.position.line) })
            }
        }
    }

    /// As some editors write files: with a byte order mark, and with lines that end in CR and LF.
    @Test func editorsOfOtherSystemsMayWriteTheFile() throws {
        for text in ["\u{feff}" + Self.minimal, Self.minimal.replacing("\n", with: "\r\n") + "\r\n"] {
            #expect(try ConfigurationLoader.scripted.load(text: text, file: "f").snapshot.pools.count == 1)
        }
    }

    /// What advice repeats of the file must not be what the environment said.
    @Test func adviceDoesNotTellWhatTheEnvironmentSays() throws {
        let text = "listeners: [\"${WORD}\"]\npools: { web: { endpoints: \"${WORD}\", health: \"${WORD}\" } }"
        let errors = try #require(throws: ConfigurationErrors.self) {
            try ConfigurationLoader.scripted.load(text: text, file: "f")
        }
        #expect(errors.diagnostics.count == 3)
        #expect(!errors.description.contains(ConfigurationLoader.environment["WORD", default: "?"]))
    }

    @Test func whatCannotBeReadIsToldInWords() throws {
        let folder = FileManager.default.temporaryDirectory.appending(path: "apus-\(UUID())")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        #expect(throws: FileSystem.ReadError("it is a directory")) { try FileSystem.read(folder.path) }
        #expect(throws: FileSystem.ReadError("there is no such file")) { try FileSystem.read(folder.path + "/a") }
        #expect(throws: FileSystem.ReadError("there is no such directory")) {
            try FileSystem.names(in: folder.path + "/a")
        }
    }

    @Test func diagnosticsComeInTheOrderOfTheFile() throws {
        let text = try String(
            contentsOf: GoldenTests.folder.appending(path: "bad-everything-at-once.yaml"), encoding: .utf8)
        let errors = try #require(throws: ConfigurationErrors.self) {
            try ConfigurationLoader.scripted.load(text: text, file: "f")
        }
        let positions = errors.diagnostics.map(\.position)
        #expect(positions == positions.sorted())
        #expect(positions.count >= 9)
    }
}
