import ApusAddresses
import ApusHTTP
import ApusModel
import ApusProxy
import ApusTLS
import ApusTestKit
import Foundation

/// A certificate of the tests.
func certificate(_ name: String, with response: String? = nil) throws -> Certificate {
    try TLSCertificate(
        chain: TestCertificates.bytes("\(name).pem"), key: TestCertificates.bytes("\(name).key"),
        response: response.map { try TestCertificates.bytes($0) }
    ).described(file: TestCertificates.path("\(name).pem"), keyFile: nil)
}

/// A listener's rules that show these certificates, each for its names.
func showing(_ names: String...) throws -> ListenerTLS {
    var tls = ListenerTLS()
    tls.certificates = try names.map {
        let certificate = try certificate($0)
        return .init(certificate, names: certificate.names)
    }
    return tls
}

/// A pool's rules that believe an authority of the tests.
func trusting(_ name: String? = "ca", as peer: String? = nil) throws -> PoolTLS {
    var tls = PoolTLS()
    tls.name = peer
    tls.authorities = try name.map {
        try TrustStore(authorities: TestCertificates.bytes("\($0).pem")).described(file: $0, isSystems: false)
    }
    return tls
}

/// What clients must show.
func asking(
    _ mode: ClientCertificateRules.Mode = .required, revoked: String? = nil, names: [String] = []
) throws -> ClientCertificateRules {
    let store = try TrustStore(
        authorities: TestCertificates.bytes("ca.pem"),
        revoked: revoked.map { try TestCertificates.bytes("\($0).pem") })
    var rules = ClientCertificateRules(store.described(file: "ca.pem", isSystems: false))
    rules.mode = mode
    rules.revoked = store.revoked(file: "crl.pem")
    rules.names = names.map { ClientNamePattern($0)! }
    return rules
}

/// A proxy that speaks TLS as its listener and its pools say.
func tlsProxy(
    _ endpoints: any Addressed..., tickets: TicketKeys = TicketKeys(),
    configure: (inout Proxy.Configuration) -> Void
) throws -> Proxy {
    try Proxy(
        pools: [endpoints], shields: .init { try TLSShields(for: $0, tickets: tickets) }, configure: configure)
}

/// What a command prints, both its outputs together.
func printed(by command: String) throws -> String {
    let process = Process()
    process.executableURL = URL(filePath: "/bin/bash")
    process.arguments = ["-c", command]
    let pipe = Pipe()
    process.standardInput = FileHandle.nullDevice
    process.standardOutput = pipe
    process.standardError = pipe
    try process.run()
    let output = pipe.fileHandleForReading.readDataToEndOfFile()
    process.waitUntilExit()
    return String(decoding: output, as: UTF8.self)
}

/// What curl gets, and its status behind that: `hello 200`.
func curl(_ proxy: Proxy, _ path: String = "/", host: String = "site.test", _ options: String = "") throws -> String {
    let port = proxy.address.port
    return try printed(
        by: "curl -sS --max-time 10 --cacert \(TestCertificates.path("ca.pem")) --resolve \(host):\(port):127.0.0.1 "
            + "\(options) -w ' %{http_code}' https://\(host):\(port)\(path)")
}

/// What `openssl s_client` says of a handshake.
func openssl(_ proxy: Proxy, _ options: String) throws -> String {
    try printed(by: "timeout 10 openssl s_client -connect 127.0.0.1:\(proxy.address.port) \(options)")
}

/// The same of a whole conversation, which the server ends: its tickets have come by then.
func conversation(_ proxy: Proxy, _ name: String, _ options: String, host: String = "a") throws -> String {
    try printed(
        by:
            "printf 'GET / HTTP/1.1\\r\\nHost: \(host)\\r\\nConnection: close\\r\\n\\r\\n' | timeout 30 openssl s_client -ign_eof "
            + "-connect 127.0.0.1:\(proxy.address.port) -servername \(name) \(options)")
}

/// A client that says one thing after another: `openssl s_client`.
final class SlowClient {
    private let process = Process()
    private let input = Pipe()
    private let output: URL

    init(_ proxy: Proxy, _ options: String) throws {
        output = FileManager.default.temporaryDirectory.appending(path: "apus-client-\(UUID().uuidString)")
        try Data().write(to: output)
        process.executableURL = URL(filePath: "/usr/bin/openssl")
        process.arguments =
            "s_client -quiet -connect 127.0.0.1:\(proxy.address.port) -servername site.test \(options)"
            .split(separator: " ").map(String.init)
        process.standardInput = input
        process.standardOutput = try FileHandle(forWritingTo: output)
        process.standardError = FileHandle.nullDevice
        try process.run()
    }

    deinit {
        if process.isRunning { process.terminate() }
        try? FileManager.default.removeItem(at: output)
    }

    func say(_ text: String) throws { try input.fileHandleForWriting.write(contentsOf: Data(text.utf8)) }

    var heard: String { (try? String(contentsOf: output, encoding: .utf8)) ?? "" }

    func wait(for text: String) throws { try eventually("\(text)") { heard.contains(text) } }

    func waitUntilEnded() throws { try eventually("the end") { !process.isRunning } }

    private func eventually(_ what: String, _ condition: () -> Bool) throws {
        let end = Date.now + 20
        while !condition() {
            guard Date.now < end else { throw KitError.timedOut("\(what), heard: \(heard)") }
            Thread.sleep(forTimeInterval: 0.01)
        }
    }
}
