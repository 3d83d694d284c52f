import CApusSystem
import Glibc

/// A program to execute: a file, its arguments, its environment.
public struct Program: Sendable, Equatable {
    /// The file; never searched for.
    public var path: String
    /// With the program's name as the first.
    public var arguments: [String]
    /// `NAME=value` each.
    public var environment: [String]

    public init(path: String, arguments: [String], environment: [String]) {
        self.path = path
        self.arguments = arguments
        self.environment = environment
    }

    /// What this process was started as, to be asked for at its start: the file is found as the shell found it, by the
    /// first argument, so that an upgrade follows a symbolic link or a file that has been replaced since.
    ///
    /// The environment is asked for again when the program starts.
    public static func current() -> Program {
        let arguments = CommandLine.arguments
        let name = arguments.first ?? "apus"
        let directory = currentDirectory()
        let candidates =
            name.contains("/")
            ? [absolute(name, in: directory)]
            : (environmentVariable("PATH") ?? "").split(separator: ":").map { absolute("\($0)/\(name)", in: directory) }
        let path = candidates.first { unsafe access($0, X_OK) == 0 } ?? ownFile() ?? name
        return Program(path: path, arguments: arguments, environment: [])
    }

    static func absolute(_ path: String, in directory: String) -> String {
        path.hasPrefix("/") ? path : "\(directory)/\(path)"
    }

    private static func currentDirectory() -> String {
        guard let text = unsafe realpath(".", nil) else { return "." }
        defer { unsafe free(text) }
        return unsafe String(cString: text)
    }

    /// The file that runs, whatever it was called.
    private static func ownFile() -> String? {
        guard let text = unsafe realpath("/proc/self/exe", nil) else { return nil }
        defer { unsafe free(text) }
        return unsafe String(cString: text)
    }

    /// The environment as it is now.
    static func currentEnvironment() -> [String] {
        var texts: [String] = []
        while let text = unsafe apus_environment(texts.count) {
            unsafe texts.append(String(cString: text))
        }
        return texts
    }

    /// What the descriptor that a program was handed is called there.
    static let handedDescriptor: Int32 = 3

    /// Starts it with a copy of `descriptor`.
    func start(handing descriptor: Int32, _ kinship: Kinship) throws(UpgradeError) -> StartedProcess {
        guard unsafe access(path, X_OK) == 0 else { throw .notExecutable(path: path, errno: errno) }
        let arguments = Self.texts(arguments)
        let environment = Self.texts(environment)
        var process: Int32 = -1
        let number = unsafe arguments.withUnsafeBytes { arguments in
            unsafe environment.withUnsafeBytes { environment in
                unsafe apus_spawn(
                    path, arguments.bindMemory(to: CChar.self).baseAddress, arguments.count,
                    environment.bindMemory(to: CChar.self).baseAddress, environment.count, descriptor,
                    kinship == .sibling ? 1 : 0, &process)
            }
        }
        guard number > 0 else { throw .notStarted(path: path, errno: -number) }
        return StartedProcess(number: number, descriptor: process)
    }

    /// The texts one behind the other, each with its end. Texts of C cannot hold a 0.
    private static func texts(_ texts: [String]) -> [UInt8] {
        texts.flatMap { $0.utf8.filter { $0 != 0 } + [0] }
    }
}
