import Apus
import ArgumentParser
import Foundation

/// The configuration file that a command was given.
struct ConfigurationFile: ParsableArguments {
    @Option(name: [.customShort("c"), .customLong("config")], help: "The configuration file.")
    var path: String

    /// Reads and checks the file, and prints what there is to say about it. Throws an exit code, its reason printed.
    func load() throws(ExitCode) -> Snapshot { try loadWhole().snapshot }

    /// As `load`, with the files and places that everything comes from.
    func loadWhole() throws(ExitCode) -> LoadedConfiguration {
        do {
            let loaded = try ConfigurationLoader().load(text: try read(), file: path)
            for warning in loaded.warnings { complain(warning.rendered) }
            return loaded
        } catch let errors as ConfigurationErrors {
            complain(exactly: "\(errors)")
            let count = errors.diagnostics.count { $0.severity == .error }
            complain("\(path) was refused: \(counted(count, "error"))")
            throw .badConfiguration
        } catch let code as ExitCode {
            throw code
        } catch {
            complain("\(path): \(error)")
            throw .badConfiguration
        }
    }

    private func read() throws(ExitCode) -> String {
        let data: Data
        do {
            data = try Data(contentsOf: URL(fileURLWithPath: path))
        } catch {
            complain("cannot read the configuration \(path): \(reason(error)). Name another with -c FILE.")
            throw .badConfiguration
        }
        guard let text = String(data: data, encoding: .utf8) else {
            complain("\(path) is not UTF-8 text. Save it as UTF-8.")
            throw .badConfiguration
        }
        return text
    }

    private func reason(_ error: any Error) -> String {
        if let underlying = (error as? CocoaError)?.underlying as? POSIXError {
            return systemErrorText(underlying.code.rawValue)
        }
        return error.localizedDescription
    }
}

/// `1 pool`, `2 pools`.
func counted(_ number: Int, _ noun: String) -> String {
    number == 1 ? "1 \(noun)" : "\(number) \(noun)s"
}
