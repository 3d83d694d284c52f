import ApusAddresses
import ApusModel
import ApusTestKit
import Foundation

/// An `apus` as somebody operates it: a folder with its configuration, the process that runs with it, and the commands
/// that ask it. The folder goes with the last reference.
final class Deployment: Sendable {
    /// Where it is told to listen, unless a test says something else. Kept for it: an upgrade needs a port that is known.
    let port: RefusingPort
    let adminPort: RefusingPort
    let folder: Folder
    /// The program as it is started: a link in the folder, so that another one can be put in its place.
    let program: String
    private let running = Monitor<ChildProcess?>(nil)

    var file: String { folder.path + "/apus.yaml" }
    var address: SocketAddress { port.address }
    /// Where it can be read.
    var admin: SocketAddress { adminPort.address }
    /// Where it can be changed, unless a test says something else: a Unix socket.
    var door: String { "unix:" + folder.path + "/admin.sock" }
    /// The process that was started last.
    var process: ChildProcess { running.current! }

    /// - Parameter configuration: what it begins with; see `whole`.
    init(_ configuration: String) throws {
        port = try RefusingPort()
        adminPort = try RefusingPort()
        folder = try Folder()
        program = folder.path + "/apus"
        try FileManager.default.createSymbolicLink(atPath: program, withDestinationPath: try builtProgram("apus"))
        try write(configuration)
    }

    /// A configuration that sends everything to `endpoints`.
    static func configuration(before endpoints: [SocketAddress], more: String = "") -> String {
        """
        workers: 2
        listeners:
          - bind: LISTEN
        pools:
          web:
            endpoints: [\(endpoints.map { "\($0)" }.joined(separator: ", "))]
        \(more)
        """
    }

    // MARK: Its configuration

    /// The configuration as it stands in the file: with its address for `LISTEN`, its folder for `FOLDER`, the admin
    /// server's port for `PORT`, and with an `admin` section where it has none.
    func whole(_ text: String) -> String {
        let text = text.replacing("LISTEN", with: "\(address)").replacing("FOLDER", with: folder.path)
            .replacing("PORT", with: "\(admin.port)")
        return text.contains("admin:") ? text + "\n" : text + "\nadmin: [{ bind: \(admin) }, { bind: \"\(door)\" }]\n"
    }

    /// Puts a configuration in place of the one before, at once as a whole; see `whole`.
    func write(_ text: String) throws { try folder.write(whole(text), to: "apus.yaml") }

    // MARK: Its process

    /// Starts it; it accepts clients when this returns.
    ///
    /// - Parameter shell: what starts it, for variables that have to know its number: the command is `"$@"`.
    @discardableResult
    func start(
        environment: [String: String] = [:], descriptors: [Int32] = [], through shell: String? = nil
    ) throws -> ChildProcess {
        let command = [program, "run", "-c", file]
        let whole = shell.map { ["/bin/sh", "-c", $0, "sh"] + command } ?? command
        let started = try ChildProcess(
            whole[0], Array(whole.dropFirst()), environment: environment, descriptors: descriptors)
        running.with { $0 = started }
        _ = try started.wait(for: "that it listens") { $0.text.contains("listening on ") ? true : nil }
        return started
    }

    /// Has it end as a service manager does, and returns its exit status.
    func stop() throws -> Int32 {
        process.signal(SIGTERM)
        return try process.waitForEnd()
    }

    /// How often a line of its log has contained `words`.
    func count(_ words: String) -> Int { process.lines.count { $0.text.contains(words) } }

    /// Does something, and waits until the log has a line more that contains `words`; returns that line.
    @discardableResult
    func expect(_ words: String, after action: () throws -> Void) throws -> String {
        let before = count(words)
        try action()
        try eventually("`\(words)` in the log") { count(words) > before }
        return process.lines.last { $0.text.contains(words) }!.text
    }

    /// What it said of errors, and of what somebody should look at.
    var complaints: [String] {
        process.lines.map(\.text).filter { $0.contains(" error ") || $0.contains(" warning ") || $0.contains("Fatal") }
            // Where the tests run as root.
            .filter { !$0.contains("Apus serves as root") }
    }

    // MARK: Asking it

    func get(_ target: String = "/") throws -> Response { try Connection(to: address).get(target) }

    /// Asks the admin server at the address where it can be read.
    func ask(_ target: String, _ method: String = "GET", body: String = "", token: String? = nil) throws -> Response {
        let connection = try Connection(to: admin)
        connection.patience = .seconds(30)
        let authorization = token.map { "Authorization: Bearer \($0)\r\n" } ?? ""
        try connection.send(
            "\(method) \(target) HTTP/1.1\r\nHost: 127.0.0.1\r\n\(authorization)Content-Length: \(body.utf8.count)\r\n\r\n"
                + body)
        return try connection.readResponse(to: method)
    }

    /// What the admin server answers, as far as JSON is looked at here.
    func json(_ target: String) throws -> JSON { try JSON(ask(target).text) }

    func metrics() throws -> Metrics { Metrics(text: try ask("/metrics").text) }

    var revision: Int { get throws { try json("/v1/status")["revision"]["number"].number } }

    /// Commands that change something, or read files that they name.
    private static let changing = ["drain", "undrain", "weight", "reload", "upgrade", "diff"]

    /// Runs a command of the program to its end, in the folder.
    func apus(_ arguments: String...) throws -> (status: Int32, text: String) { try apus(arguments) }

    func apus(_ arguments: [String], environment: [String: String] = [:]) throws -> (status: Int32, text: String) {
        let hasDoor = try arguments.first.map(Self.changing.contains) == true && folder.read("apus.yaml").contains(door)
        // The folder is entered by a shell: the directory of this process is every test's.
        return try outcome(
            of: "/bin/sh", ["-c", "cd \"$0\" && exec \"$@\"", folder.path, program] + arguments,
            environment: ["APUS_ADMIN": hasDoor ? door : "\(admin)"].merging(environment) { $1 })
    }
}

/// A folder that is there as long as it is referred to.
final class Folder: Sendable {
    let path: String

    init() throws {
        path = FileManager.default.temporaryDirectory.appending(path: "apus-\(UUID().uuidString.prefix(8))").path
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    }

    deinit { try? FileManager.default.removeItem(atPath: path) }

    func write(_ text: String, to name: String) throws {
        try text.write(toFile: "\(path)/\(name)", atomically: true, encoding: .utf8)
    }

    func read(_ name: String) throws -> String { try String(contentsOfFile: "\(path)/\(name)", encoding: .utf8) }
}

/// A part of a JSON text. What is not there is null, and null has no parts.
struct JSON {
    let value: Any?

    init(_ text: String) throws { value = try JSONSerialization.jsonObject(with: Data(text.utf8)) }
    private init(value: Any?) { self.value = value }

    subscript(key: String) -> JSON { JSON(value: (value as? [String: Any])?[key]) }
    var list: [JSON] { (value as? [Any] ?? []).map { JSON(value: $0) } }
    var text: String? { value as? String }
    var number: Int { value as? Int ?? -1 }
    var isTrue: Bool { value as? Bool ?? false }
}
