import Apus
import ArgumentParser
import Foundation

struct TestCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "test",
        abstract: "Test a configuration: which requests go where.",
        discussion: """
            Files of tests say requests and what is to become of them. Nothing is sent. What fails is printed with what \
            was expected, what was found, and the routes that were tried.

              apus test -c apus.yaml routing-tests.yaml

              tests:
                - name: the API goes to its own pool
                  request: { url: "https://api.example.com/v1/users" }
                  expect: { pool: api, path: /v1/users }

            Exit status: 0 when all passed; 1 when one failed, or a file was refused; 3 when a file could not be read.
            """)

    @OptionGroup var file: ConfigurationFile

    @Argument(help: "Files of tests.", completion: .file())
    var tests: [String]

    @Flag(help: "Print the results as JSON.")
    var json = false

    @Option(
        help: ArgumentHelp("Write the results into this file, too, as JUnit has them.", valueName: "file"),
        completion: .file())
    var junit: String?

    @Flag(name: .shortAndLong, help: "Print nothing but what failed.")
    var quiet = false

    func run() throws {
        let loaded = try file.load()
        // Every file is read before any test runs, so that nothing is half told.
        let files = try tests.map { try read($0) }
        let results = files.flatMap { $0.run(loaded.snapshot, origins: loaded.origins) }
        if json {
            print(try encoded(results), terminator: "")
        } else {
            for result in results where !result.passed { print(result.text) }
        }
        if let junit { try write(results.junit, to: junit) }
        let failed = results.count { !$0.passed }
        if failed > 0 {
            complain("\(counted(failed, "test")) of \(results.count) failed")
            throw ExitCode.testsFailed
        }
        if !quiet, !json { print("\(counted(results.count, "test")) passed") }
    }

    private func read(_ path: String) throws(ExitCode) -> RoutingTests {
        do {
            return try RoutingTests(text: try TextFile(path: path).read(), file: path)
        } catch let failure as TextFile.Failure {
            complain(failure.description)
            throw .unavailable
        } catch {
            FileHandle.standardError.write(Data("\(error)\n".utf8))
            throw .badConfiguration
        }
    }

    private func write(_ text: String, to path: String) throws(ExitCode) {
        do {
            try Data(text.utf8).write(to: URL(fileURLWithPath: path))
        } catch {
            complain("cannot write \(path): \(error.localizedDescription)")
            throw .unavailable
        }
    }
}
