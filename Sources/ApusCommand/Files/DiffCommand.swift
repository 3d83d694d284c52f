import Apus
import ApusAdminClient
import ArgumentParser
import Foundation
import Synchronization

struct DiffCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "diff",
        abstract: "Tell what a reload would change.",
        discussion: """
            Compares what two configurations do, not how they are written: listeners, routes, pools, endpoints and rules, \
            each change in the configuration's own words, and what becomes of connections. What a reload cannot change \
            is marked so. Secrets are compared and never shown.

              apus diff old.yaml new.yaml
              apus diff new.yaml                   # with what a running Apus has
              apus diff new.yaml --admin unix:/run/apus/admin.sock

            One file is compared with the configuration of a running Apus, and by it: the file is sent there with those \
            that it includes, and read as if they stood in place of the running ones. Variables, secret files and host \
            names are those that the running Apus sees, not those of this command. What was changed while running, such \
            as drains, is no difference; what of it would be dropped is noted.

            Exit status: 0 when nothing would change, 1 when something would, 2 when a configuration was refused or the \
            running Apus would not compare it, 3 when it could not be reached.
            """)

    @OptionGroup var admin: AdminOptions

    @Argument(
        help: ArgumentHelp(
            "The configuration that runs, and the one that is to take over; or the latter alone.", valueName: "file"),
        completion: .file())
    var files: [String]

    @Flag(help: "Print it as JSON.")
    var json = false

    @Flag(name: .shortAndLong, help: "Print nothing: the exit status says it.")
    var quiet = false

    func validate() throws {
        guard (1...2).contains(files.count) else {
            throw ValidationError("there are \(files.count) files; expected two, or one to compare with what runs")
        }
        if files.count == 2, admin.address != nil || admin.configuration != nil || admin.tokenFile != nil {
            throw ValidationError(
                "two files are compared with each other; leave one out, or --admin, --config and --token-file")
        }
    }

    func run() async throws {
        let comparison = files.count == 2 ? try compareFiles() : try await compareWithRunning(files[0])
        if json {
            print(try encoded(comparison), terminator: "")
        } else if !quiet {
            for change in comparison.changes { print(change.line) }
            for note in comparison.notes ?? [] { print("note: \(note)") }
            print(comparison.changes.isEmpty ? "nothing would change" : "in short: \(comparison.summary)")
        }
        if !comparison.changes.isEmpty { throw ExitCode.differs }
    }

    private struct Comparison: Codable {
        let summary: String
        let changes: [ConfigurationChange]
        /// Of a running Apus only.
        var notes: [String]?
    }

    // MARK: - Two files

    private func compareFiles() throws(ExitCode) -> Comparison {
        let changes = ConfigurationChanges(from: try load(files[0]), to: try load(files[1]))
        return Comparison(summary: changes.summary, changes: changes.changes)
    }

    private func load(_ path: String) throws(ExitCode) -> Snapshot {
        do throws(ConfigurationErrors) {
            return try ConfigurationLoader().load(path: path).snapshot
        } catch {
            complain(exactly: "\(error)")
            complain("\(path) was refused, so that it cannot be compared")
            throw .troubled
        }
    }

    // MARK: - One file, and what runs

    private func compareWithRunning(_ path: String) async throws(ExitCode) -> Comparison {
        let body: String
        do {
            body = String(decoding: try JSONEncoder().encode(SentFiles(files: try Self.read(path))), as: UTF8.self)
        } catch let failure as TextFile.Failure {
            complain(failure.description)
            throw .troubled
        } catch {
            complain("\(path) cannot be sent: \(error)")
            throw .troubled
        }
        let answer: AdminAnswer
        do throws(ExitCode) {
            // Host names are looked up there.
            answer = try await admin.ask(AdminRequest("POST", "/v1/config/diff", body: body), patience: .seconds(60))
        } catch {
            throw error == .refused ? .troubled : error
        }
        return try admin.understand(answer) { text in
            try JSONDecoder().decode(Comparison.self, from: Data(text.utf8))
        }
    }

    private struct SentFiles: Encodable {
        struct File: Encodable {
            let path: String
            let text: String
        }

        let files: [File]
    }

    /// The file and those that it includes, found out by loading it. Whatever is wrong with them, the running Apus says;
    /// secrets and names are of no interest here.
    private static func read(_ path: String) throws -> [SentFiles.File] {
        let main = try TextFile(path: path).read()
        let read = Mutex<[SentFiles.File]>([SentFiles.File(path: path, text: main)])
        var loader = ConfigurationLoader(resolve: { _ in [] }, readSecret: { _, _ in "" })
        loader.readBytes = { _, _ in [] }
        let readFile = loader.readFile
        loader.readFile = { path, rules in
            let text = try readFile(path, rules)
            read.withLock { $0.append(SentFiles.File(path: path, text: text)) }
            return text
        }
        _ = try? loader.load(text: main, file: path)
        return read.withLock { $0 }
    }
}

extension ExitCode {
    /// Two configurations are not the same.
    static let differs = ExitCode(1)
    /// Of `diff`, whose 1 says something else: a configuration was refused.
    static let troubled = ExitCode(2)
    /// A test of a configuration failed.
    static let testsFailed = ExitCode(1)
}
