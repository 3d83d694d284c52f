import ApusAddresses
import ApusConfig
import ApusModel
import Foundation
import Testing

/// Every Golden/*.yaml, and the exact text that loading it gives (*.expected): the diagnostics as a user sees them, then
/// the snapshot if there is one.
///
/// With APUS_UPDATE_GOLDEN=1 the expectations are written instead of compared; read the difference before it is kept.
@Suite struct GoldenTests {
    static let folder = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "Golden")
    static let isUpdating = ProcessInfo.processInfo.environment["APUS_UPDATE_GOLDEN"] == "1"

    static func files(ending suffix: String) throws -> [String] {
        try FileManager.default.contentsOfDirectory(atPath: folder.path).filter { $0.hasSuffix(suffix) }.sorted()
    }

    @Test(arguments: try files(ending: ".yaml"))
    func givesWhatIsExpected(file: String) throws {
        let text = try String(contentsOf: Self.folder.appending(path: file), encoding: .utf8)
        let outcome = Self.outcome(text: text, file: file)
        let expectation = Self.folder.appending(path: file.dropLast(".yaml".count) + ".expected")
        if Self.isUpdating {
            try outcome.write(to: expectation, atomically: true, encoding: .utf8)
        }
        let expected = try String(contentsOf: expectation, encoding: .utf8)
        #expect(outcome == expected)
    }

    @Test(.enabled(if: !isUpdating)) func thereAreFilesAndNoneIsLeftOver() throws {
        let inputs = try Self.files(ending: ".yaml").map { $0.dropLast(".yaml".count) }.sorted()
        let expectations = try Self.files(ending: ".expected").map { $0.dropLast(".expected".count) }.sorted()
        #expect(inputs == expectations)
        #expect(inputs.filter { $0.hasPrefix("bad") }.count > 100)
    }

    /// A file whose name begins with "good" loads; every other one does not.
    @Test(arguments: try files(ending: ".yaml"))
    func isGoodOrBadAsItsNameSays(file: String) throws {
        let text = try String(contentsOf: Self.folder.appending(path: file), encoding: .utf8)
        let loaded = try? ConfigurationLoader.scripted.load(text: text, file: file)
        #expect((loaded != nil) == file.hasPrefix("good"))
    }

    static func outcome(text: String, file: String) -> String {
        do throws(ConfigurationErrors) {
            let loaded = try ConfigurationLoader.scripted.load(text: text, file: file)
            return (loaded.warnings.map(\.rendered) + loaded.snapshot.inLines).joined(separator: "\n") + "\n"
        } catch {
            return error.description + "\n"
        }
    }
}

extension ConfigurationLoader {
    /// A loader whose answers do not depend on the machine that the tests run on.
    static let scripted: ConfigurationLoader = {
        var loader = unclocked
        // The summer of 2026.
        loader.now = { 1_780_000_000 }
        loader.systemAuthorities = { nil }
        loader.readBytes = { path, _ in
            if let text = certificates[path] { return Array(text.utf8) }
            guard let bytes = responses[path] else { throw FileSystem.ReadError("there is no such file") }
            return bytes
        }
        return loader
    }()

    private static let unclocked = ConfigurationLoader(
        resolve: { name in
            switch name {
            case "localhost": [IPAddress("::1"), IPAddress("127.0.0.1")].compactMap(\.self)
            case "six.test": [IPAddress("2001:db8::6"), IPAddress("2001:db8::7")].compactMap(\.self)
            case "web.test": [IPAddress("10.0.0.1"), IPAddress("10.0.0.2")].compactMap(\.self)
            default: []
            }
        },
        defaultWorkers: 2, defaultNode: "host.test", makeSecret: { Array(repeating: 7, count: 32) },
        readFile: { path, _ in try read(path, in: files) },
        listFiles: { directory in
            let names = (Array(files.keys) + certificates.keys).filter {
                $0.hasPrefix(directory.isEmpty ? "" : directory + "/")
            }
            .map { directory.isEmpty ? $0 : String($0.dropFirst(directory.count + 1)) }
            .filter { !$0.contains("/") }
            if names.isEmpty { throw FileSystem.ReadError("there is no such directory") }
            return names
        },
        readSecret: { path, _ in try read(path, in: secrets) },
        environment: { environment[$0] })

    private static func read(_ path: String, in files: [String: String]) throws -> String {
        guard let text = files[path] else { throw FileSystem.ReadError("there is no such file") }
        return text
    }

    /// The certificates of the tests, in `tls/`; some pairs of them in `tls/pairs/`, too.
    static let certificates: [String: String] = {
        let folder = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .appending(path: "Certificates")
        var files: [String: String] = [:]
        for name in (try? FileManager.default.contentsOfDirectory(atPath: folder.path)) ?? [] {
            guard let text = try? String(contentsOf: folder.appending(path: name), encoding: .utf8) else { continue }
            files["tls/\(name)"] = text
            if name.hasPrefix("site-rsa.") || name.hasPrefix("other.") { files["tls/pairs/\(name)"] = text }
        }
        // Those of the examples.
        files["site.pem"] = files["tls/site.pem"]
        files["site.key"] = files["tls/site.key"]
        files["other.pem"] = files["tls/other.pem"]
        files["other.key"] = files["tls/other.key"]
        files["internal-ca.pem"] = files["tls/ca.pem"]
        let ticketKey = String(repeating: "A", count: 64)
        files["tls/tickets.keys"] = "# the first seals\n\(ticketKey)\n\(ticketKey)\n"
        files["tls/none"] = "\n"
        files["tickets.keys"] = files["tls/tickets.keys"]
        files["clients.pem"] = files["tls/ca.pem"]
        files["revoked.pem"] = files["tls/crl.pem"]
        files["/etc/apus/certificates/rsa.crt"] = files["tls/site-rsa.pem"]
        files["/etc/apus/certificates/rsa.key"] = files["tls/site-rsa.key"]
        files["tls/cut.pem"] = files["tls/site.pem"].map { String($0.prefix(300)) }
        files["tls/empty.pem"] = ""
        return files
    }()

    /// What authorities say of them.
    static let responses: [String: [UInt8]] = {
        var files: [String: [UInt8]] = ["tls/none.ocsp": []]
        let folder = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "../Certificates")
        for name in ["site", "site-endless", "other", "revoked", "later"] {
            let bytes = try? Data(contentsOf: folder.appending(path: "\(name).ocsp"))
            files["tls/\(name).ocsp"] = bytes.map(Array.init)
        }
        files["site.ocsp"] = files["tls/site.ocsp"]
        return files
    }()

    /// Secrets of which no diagnostic may show anything.
    static let secrets = [
        "/run/secrets/admin": "admin-token-from-a-file\n", "session.key": "0123456789abcdef", "short.key": "short\n",
        "/run/secrets/apus-admin": "admin-token-from-a-file\n", "/run/secrets/apus": "admin-token-from-a-file\n",
    ]

    static let environment = [
        "BIND": "127.0.0.1:8080", "PORT": "8080", "WORKERS": "3", "EMPTY": "", "WORD": "many",
        "SESSION_SECRET": "session-secret-of-the-environment", "SHORT_SECRET": "pssst",
        "ADMIN_TOKEN": "admin-token-of-the-environment",
    ]

    /// What the golden files include.
    static let files = [
        "pools.d/api.yaml": "pools:\n  api: { endpoints: [127.0.0.1:3003] }\n",
        "pools.d/web.yaml": "pools:\n  web: { endpoints: [127.0.0.1:3001, 127.0.0.1:3002] }\n",
        "pools.d/README": "Each file here is a pool.\n",
        "empty.d/nothing.txt": "",
        "routes.yaml":
            "listeners:\n  - bind: 127.0.0.1:8081\n    routes: [{ path: /v1/*, pool: api }, { pool: web }]\n",
        "comments.yaml": "# Nothing yet.\n",
        "limits.yaml": "limits: { body: 10MB }\n",
        "mistakes.yaml": "pools:\n  api: { endpoints: [127.0.0.1], balanse: random }\n",
        "broken.yaml": "pools:\n  api: { endpoints: [127.0.0.1:1\n",
        "list.yaml": "- a\n- b\n",
        "cycle.yaml": "include: cycle.yaml\n",
        "circle/one.yaml": "include: two.yaml\n",
        "circle/two.yaml": "include: ../circle/./one.yaml\n",
        "secret.yaml":
            "pools:\n  api: { sticky: { cookie: id, secret: Hunter2-Hunter2-Hunter2 }, endpoints: [10.0.0.256:1] }\n",
    ]
}
