import Apus
import ArgumentParser
import Foundation

struct FormatCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "fmt",
        abstract: "Bring configuration files into the one layout.",
        discussion: """
            Indentation, blanks and empty lines become the same everywhere; comments, the order of keys and what the file \
            says stay. A file that is broken, or could not be written anew without changing what it says, is left as it \
            is. Prints the names of the files that it changed.

              apus fmt apus.yaml pools.d/*.yaml
              apus fmt --check apus.yaml
              apus fmt --stdout < apus.yaml

            Exit status: 0 when all is in the one layout now; 1 when a file was refused, or --check found one that is not; \
            3 when a file could not be read or written.
            """)

    @Option(
        name: [.customShort("c"), .customLong("config")], help: "A configuration file.", completion: .file())
    var config: String?

    @Argument(help: "Configuration files, included ones among them.", completion: .file())
    var files: [String] = []

    @Flag(help: "Change nothing: name the files that are not in the one layout.")
    var check = false

    @Flag(help: "Print the result instead of writing it; without a file, of standard input.")
    var stdout = false

    private var paths: [String] { (config.map { [$0] } ?? []) + files }

    func validate() throws {
        if paths.isEmpty, !stdout { throw ValidationError("name a file, such as: apus fmt apus.yaml") }
        if check, stdout { throw ValidationError("--check prints names and --stdout prints files: give one of them") }
    }

    func run() throws {
        if paths.isEmpty {
            let text = String(decoding: FileHandle.standardInput.readDataToEndOfFile(), as: UTF8.self)
            guard let formatted = format(text, "standard input") else { throw ExitCode.badConfiguration }
            return write(formatted)
        }
        // One bad file keeps no other from its layout.
        var worst = ExitCode.success
        for path in paths {
            let code = run(path)
            if code.rawValue > worst.rawValue { worst = code }
        }
        if worst != .success { throw worst }
    }

    private func run(_ path: String) -> ExitCode {
        let file = TextFile(path: path)
        do throws(TextFile.Failure) {
            let text = try file.read()
            guard let formatted = format(text, path) else { return .badConfiguration }
            if stdout {
                write(formatted)
            } else if formatted != text {
                print(path)
                if check { return .badConfiguration }
                try file.replace(with: formatted)
            }
            return .success
        } catch {
            complain(error.description)
            return .unavailable
        }
    }

    /// Nil, with what is wrong printed, when the text is left as it is.
    private func format(_ text: String, _ name: String) -> String? {
        do throws(ConfigurationErrors) {
            return try YAMLFormatter.format(text, file: name)
        } catch {
            FileHandle.standardError.write(Data("\(error)\n".utf8))
            complain("\(name) was left as it is")
            return nil
        }
    }

    private func write(_ text: String) { FileHandle.standardOutput.write(Data(text.utf8)) }
}
