import Apus
import ApusProcess
import ArgumentParser
import Glibc

/// The configuration file that a command was given.
struct ConfigurationFile: ParsableArguments {
    @Option(
        name: [.customShort("c"), .customLong("config")], help: "The configuration file.",
        completion: .file())
    var path: String

    /// Reads and checks the file with all that it includes, and prints what there is to say about it. Throws an exit code,
    /// its reason printed. Of very much to say the beginning is printed, and how much more there is, unless `isComplete`.
    func load(isComplete: Bool = false) throws(ExitCode) -> LoadedConfiguration {
        try Self.load(path: path, isComplete: isComplete)
    }

    static func load(path: String, isComplete: Bool = false) throws(ExitCode) -> LoadedConfiguration {
        let loaded = try read(path: path, isComplete: isComplete)
        warn(of: loaded, isComplete: isComplete)
        return loaded
    }

    /// The same, as the user that the file says Apus becomes: what root alone may read would fail at the next reload. Where it
    /// says so, and the process is root's, it is that user's from here on; so it has to have one thread.
    ///
    /// - Parameter isRun: it goes on as that user; without, one that is not to be had here is said, and no more.
    func loadAsItsUser(isRun: Bool, isComplete: Bool = false) throws(ExitCode) -> LoadedConfiguration {
        let loaded = try Self.read(path: path, isComplete: isComplete)
        let operations = loaded.snapshot.operations
        guard let user = operations.user else {
            Self.warn(of: loaded, isComplete: isComplete)
            return loaded
        }
        let isRoot = geteuid() == 0
        if isRun || isRoot {
            do throws(PrivilegeError) {
                try Privileges.become(user: user, group: operations.group)
            } catch {
                complain("\(error)", isRun ? .error : .warning)
                if isRun { throw .unavailable }
            }
        }
        guard isRoot, geteuid() != 0 else {
            Self.warn(of: loaded, isComplete: isComplete)
            return loaded
        }
        do throws(ExitCode) {
            return try load(isComplete: isComplete)
        } catch {
            complain("it was read as `\(user)`, whom Apus becomes (`process: { user: \(user) }`): root may read it")
            throw error
        }
    }

    private static func warn(of loaded: LoadedConfiguration, isComplete: Bool) {
        let warnings = DiagnosticExcerpt(loaded.warnings, limit: isComplete ? nil : DiagnosticExcerpt.limit)
        for line in warnings.shown.map(\.rendered) + [warnings.omission].compactMap(\.self) {
            complain(line, .warning)
        }
    }

    private static func read(path: String, isComplete: Bool) throws(ExitCode) -> LoadedConfiguration {
        do throws(ConfigurationErrors) {
            return try ConfigurationLoader().load(path: path)
        } catch {
            let limit = isComplete ? nil : DiagnosticExcerpt.limit
            complain(exactly: DiagnosticExcerpt(error.diagnostics, limit: limit).description)
            let count = error.diagnostics.count { $0.severity == .error }
            complain("\(path) was refused: \(counted(count, "error"))")
            throw error.arePassing ? ExitCode.unavailable : ExitCode.badConfiguration
        }
    }
}

/// `1 pool`, `2 pools`.
func counted(_ number: Int, _ noun: String) -> String {
    number == 1 ? "1 \(noun)" : "\(number) \(noun)s"
}
