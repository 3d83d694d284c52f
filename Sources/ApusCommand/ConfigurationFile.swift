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
    /// its reason printed. What is said at a check or a start alone is left out.
    func load() throws(ExitCode) -> LoadedConfiguration { try Self.load(path: path) }

    static func load(path: String) throws(ExitCode) -> LoadedConfiguration {
        let loaded = try read(path: path, isComplete: false)
        warn(of: loaded.newsworthyWarnings, isComplete: false)
        return loaded
    }

    /// The same with all that there is to say, for the user that the file says Apus becomes: what root alone may read would fail at
    /// the next reload. Where it says so, and the process is root's, it is that user's from here on; so it has to have one thread.
    ///
    /// - Parameters:
    ///   - isRun: it goes on as that user; without, one that is not to be had here is said, and no more.
    ///   - isComplete: of very much to say all is printed, and not the beginning, and how much more there is.
    func loadForItsUser(isRun: Bool, isComplete: Bool = false) throws(ExitCode) -> LoadedConfiguration {
        let loaded = try Self.read(path: path, isComplete: isComplete)
        Self.warn(of: loaded.warnings, isComplete: isComplete)
        let operations = loaded.snapshot.operations
        let isRoot = geteuid() == 0
        guard let user = operations.user, isRun || isRoot else { return loaded }
        do throws(PrivilegeError) {
            try Privileges.become(user: user, group: operations.group)
        } catch {
            complain("\(error)", isRun ? .error : .warning)
            if isRun { throw .unavailable }
        }
        guard isRoot, geteuid() != 0 else { return loaded }
        let missed = loaded.paths.filter(Self.mayNotBeRead)
        for path in missed {
            complain(
                "\(path): `\(user)`, whom Apus becomes (`process: { user: \(user) }`), may not read it, so that the next reload "
                    + "would fail; let that user read it (`chgrp \(user) FILE; chmod 640 FILE`), and reach the folder that it is in"
            )
        }
        if !missed.isEmpty {
            complain("\(self.path) was refused: \(counted(missed.count, "file")) cannot be read")
            throw .badConfiguration
        }
        return loaded
    }

    /// Whether there is a file or a folder that this process's user may not read. What is read but once, a pipe, is none of it.
    private static func mayNotBeRead(_ path: String) -> Bool {
        var status = stat()
        // SAFETY: the string and the structure outlive the call.
        guard unsafe stat(path, &status) == 0 else { return errno == EACCES }
        let isKept = [S_IFREG, S_IFDIR].contains(status.st_mode & S_IFMT)
        // SAFETY: the string outlives the call.
        return unsafe isKept && access(path, R_OK) != 0 && errno == EACCES
    }

    private static func warn(of warnings: [Diagnostic], isComplete: Bool) {
        let warnings = DiagnosticExcerpt(warnings, limit: isComplete ? nil : DiagnosticExcerpt.limit)
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

extension LoadedConfiguration {
    /// The files and folders that it was read from.
    fileprivate var paths: [String] {
        let certificates = snapshot.certificateSources
        let others = uses.compactMap { use -> String? in
            if case .secret(let path, _) = use { path } else { nil }
        }
        return Set(files.map(\.path) + others + Array(certificates.files) + Array(certificates.folders)).sorted()
    }
}
