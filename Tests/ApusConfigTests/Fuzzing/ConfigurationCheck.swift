import ApusAddresses
import ApusConfig
import ApusModel
import Yams

/// What must hold of loading a configuration, whatever is written in it: what a fuzzer looks for exceptions to, and what
/// `ConfigurationFindings` checks of the inputs that once were exceptions.
///
/// An input is the main file; behind each line of `=====` follows a further one, which the main file can include: `a.yaml`,
/// then `b.yaml` and so on. The machine is not asked for anything.
struct ConfigurationCheck {
    /// Text that stands in secrets: of files, of the environment, and, in seeds, of the configuration itself.
    private static let mark = "Hunter2-"
    private static let fileSecret = "Corvus-Corvus-Corvus"
    private static let variable = "SESSION_SECRET"
    private static let variableSecret = "Sirius-Sirius-Sirius"

    private let files: [ConfigurationFile]
    private let loader: ConfigurationLoader

    /// What is wrong with the loader, if `input` shows it; nil if all is well.
    static func problem(with input: [UInt8]) -> String? {
        do {
            try ConfigurationCheck(input).run()
            return nil
        } catch {
            return error.description
        }
    }

    struct Problem: Error, CustomStringConvertible {
        var description: String
    }

    private static func require(_ condition: Bool, _ problem: @autoclosure () -> String) throws(Problem) {
        if !condition { throw Problem(description: problem()) }
    }

    private init(_ input: [UInt8]) {
        let text = String(decoding: input, as: UTF8.self)
        var parts = [""]
        for line in text.split(separator: "\n", omittingEmptySubsequences: false) {
            if line == "=====", parts.count < 6 {
                parts.append("")
            } else {
                parts[parts.count - 1] += line + "\n"
            }
        }
        // What splitting found behind the last line break is no line.
        parts[parts.count - 1].removeLast()
        let names = ["main.yaml", "a.yaml", "b.yaml", "c.yaml", "d.yaml", "e.yaml"]
        files = zip(names, parts).map { ConfigurationFile(path: $0, text: $1) }
        loader = Self.loader.reading(files)
    }

    private func run() throws(Problem) {
        let answer = answer(to: files[0].text)
        try Self.require(answer == self.answer(to: files[0].text), "loading twice gives two answers")
        let diagnostics: [Diagnostic]
        switch answer {
        case .refused(let found):
            diagnostics = found
            try Self.require(found.contains { $0.severity == .error }, "a configuration is refused without an error")
        case .loaded(let snapshot, let warnings):
            diagnostics = warnings
            try Self.require(warnings.allSatisfy { $0.severity == .warning }, "a configuration loads with errors")
            let changes = ConfigurationChanges(from: snapshot, to: snapshot)
            try Self.require(changes.isEmpty, "a configuration differs from itself: \(changes.lines)")
            try checkFormatting(snapshot)
        }
        try checkPlaces(diagnostics)
        try checkSecrets(diagnostics)
    }

    // MARK: - Loading

    private enum Answer: Equatable {
        case loaded(Snapshot, [Diagnostic])
        case refused([Diagnostic])
    }

    private func answer(to text: String) -> Answer {
        do throws(ConfigurationErrors) {
            let loaded = try loader.load(text: text, file: files[0].path)
            return .loaded(loaded.snapshot, loaded.warnings)
        } catch {
            return .refused(error.diagnostics)
        }
    }

    /// Answers from memory, and always the same.
    private static let loader: ConfigurationLoader = {
        var loader = textLoader
        loader.readBytes = { path, rules in Array(try textLoader.readSecret(path, rules).utf8) }
        return loader
    }()

    private static let textLoader = ConfigurationLoader(
        resolve: { name in
            switch name {
            case "localhost": [IPAddress("::1"), IPAddress("127.0.0.1")].compactMap(\.self)
            case "web.test": [IPAddress("10.0.0.1"), IPAddress("10.0.0.2")].compactMap(\.self)
            default: []
            }
        },
        defaultWorkers: 2, defaultNode: "host.test", makeSecret: { Array(repeating: 7, count: 32) },
        readFile: { _, _ in throw FileSystem.ReadError("there is no such file") },
        listFiles: { _ in throw FileSystem.ReadError("there is no such directory") },
        readSecret: { path, _ in
            if path.hasPrefix("missing") { throw FileSystem.ReadError("there is no such file") }
            return path.hasPrefix("short") ? String(fileSecret.prefix(7)) + "\n" : fileSecret + "\n"
        },
        environment: { [variable: variableSecret, "PORT": "8080", "WORD": "many", "EMPTY": ""][$0] })

    // MARK: - Formatting

    /// What loads is formatted, to what loads as the same and is formatted already.
    private func checkFormatting(_ snapshot: Snapshot) throws(Problem) {
        let formatted: String
        do throws(ConfigurationErrors) {
            formatted = try YAMLFormatter.format(files[0].text, file: files[0].path)
        } catch {
            let refusal = error.diagnostics.first { $0.severity == .error }?.message ?? "without an error"
            return try Self.require(
                Self.refusals.contains { refusal.hasPrefix($0) }, "what loads is not formatted: \(refusal)")
        }
        guard case .loaded(let again, _) = answer(to: formatted) else {
            throw Problem(description: "what was formatted does not load any more:\n\(formatted)")
        }
        try Self.require(again == snapshot, "what was formatted means something else:\n\(formatted)")
        let twice = try? YAMLFormatter.format(formatted, file: files[0].path)
        try Self.require(twice == formatted, "formatting again changes more:\n\(formatted)\n\(twice ?? "nothing")")
    }

    /// What the formatter does not take apart, and says so.
    private static let refusals = [
        "a key that begins with `? ` is not formatted", "a file with directives (`%`) is not formatted",
        "put what stands behind `---` on a line of its own",
    ]

    // MARK: - Diagnostics

    /// Every diagnostic is about a place that there is.
    private func checkPlaces(_ diagnostics: [Diagnostic]) throws(Problem) {
        for diagnostic in diagnostics {
            let text = files.first { $0.path == diagnostic.file }?.text
            guard let text else { throw Problem(description: "no such file: \(diagnostic)") }
            let lines = text.split(omittingEmptySubsequences: false, whereSeparator: \.isNewline)
            let (line, column) = (diagnostic.position.line, diagnostic.position.column)
            try Self.require((1...max(1, lines.count)).contains(line), "no such line: \(diagnostic)")
            let length = lines.isEmpty ? 0 : lines[line - 1].unicodeScalars.count
            try Self.require((1...length + 1).contains(column), "no such column: \(diagnostic)")
            try Self.require(!diagnostic.message.contains("\n"), "a message of several lines: \(diagnostic)")
        }
    }

    /// No diagnostic shows what a secret's file holds, nor a secret of the configuration or the environment that stands
    /// nowhere but behind the key of a secret.
    private func checkSecrets(_ diagnostics: [Diagnostic]) throws(Problem) {
        let shown = diagnostics.map(\.rendered).joined(separator: "\n")
        let (file, variable) = (Self.fileSecret.prefix(7), Self.variableSecret.prefix(7))
        // Whoever writes them elsewhere does not keep them.
        if !files.contains(where: { $0.text.contains(file) }) {
            try Self.require(!shown.contains(file), "the secret of a file is shown:\n\(shown)")
        }
        if shown.contains(Self.mark), keepsSecret(Self.mark) {
            throw Problem(description: "a secret is shown:\n\(shown)")
        }
        if shown.contains(variable), keepsSecret(Self.variable), !files.contains(where: { $0.text.contains(variable) })
        {
            throw Problem(description: "a secret of the environment is shown:\n\(shown)")
        }
    }

    /// Whether `text` stands in secrets only; false if that cannot be told.
    private func keepsSecret(_ text: String) -> Bool {
        files.allSatisfy { file in
            guard let root = try? Yams.compose(yaml: file.text) else { return !file.text.contains(text) }
            return Self.occurrences(of: text, in: file.text) == Self.occurrencesInSecrets(of: text, root, false)
        }
    }

    private static func occurrencesInSecrets(of text: String, _ node: Yams.Node, _ isSecret: Bool) -> Int {
        switch node {
        case .scalar(let scalar): isSecret ? occurrences(of: text, in: scalar.string) : 0
        case .sequence(let items): items.reduce(0) { $0 + occurrencesInSecrets(of: text, $1, isSecret) }
        case .mapping(let entries):
            entries.reduce(0) { count, entry in
                let isSecret = ["secret", "token", "authorization"].contains(entry.key.string)
                return count + occurrencesInSecrets(of: text, entry.value, isSecret)
            }
        case .alias: 0
        }
    }

    private static func occurrences(of text: String, in whole: String) -> Int {
        whole.ranges(of: text).count
    }
}
