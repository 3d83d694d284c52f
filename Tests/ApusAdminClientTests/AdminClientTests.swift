import ApusModel
import Foundation
import NIOCore
import NIOPosix
import Testing

@testable import ApusAdminClient

@Suite("Admin client", .timeLimit(.minutes(1)))
struct AdminClientTests {
    @Test("addresses in every form")
    func addresses() {
        func place(_ text: String) -> AdminAddress.Place? { AdminAddress(text, from: .option)?.place }
        #expect(place("127.0.0.1:9900") == .host("127.0.0.1", port: 9900))
        #expect(place(":9900") == .host("127.0.0.1", port: 9900))
        #expect(place("[::1]:9900") == .host("::1", port: 9900))
        #expect(place("edge.example.com:80") == .host("edge.example.com", port: 80))
        #expect(place("unix:/run/apus/admin.sock") == .unix("/run/apus/admin.sock"))
        #expect(place("https://lb1.example.com:9900/") == .host("lb1.example.com", port: 9900))
        #expect(AdminAddress("https://[::1]:9900", from: .option)?.isTLS == true)
        #expect(AdminAddress("[::1]:9900", from: .option)?.isTLS == false)
        for bad in [
            "https://a", "https://unix:/a", "https://a:1/b", "", "9900", "a:0", "a:65536", "a:x", "::1:9900", "[a]:1",
            "http://a:80", "unix:", "unix:a", "a b:1",
        ] {
            #expect(place(bad) == nil, "\(bad)")
        }
        #expect(place("unix:/" + String(repeating: "x", count: 107)) == nil)
        for text in ["127.0.0.1:9900", "[::1]:9900", "unix:/a", "https://a:1", "https://[::1]:9900"] {
            #expect(AdminAddress(text, from: .option)?.description == text)
        }
    }

    @Test(
        "a request is sent as it should be, and the answer comes back, over TCP and a Unix socket",
        arguments: [false, true])
    func exchange(isUnix: Bool) async throws {
        let server = try await ScriptedServer(
            answer: "HTTP/1.1 202 Accepted\r\nContent-Type: application/json; charset=utf-8\r\nETag: \"7\"\r\n"
                + "Content-Length: 2\r\n\r\n{}", isUnix: isUnix)
        let client = AdminClient(server.address, token: "open-sesame-open-sesame")
        let answer = try await client.ask(AdminRequest("PATCH", "/v1/x?dry_run", body: "{\"a\":1}", ifMatch: "\"6\""))
        #expect(answer == AdminAnswer(status: 202, type: "application/json", body: "{}", entityTag: "\"7\""))
        let request = await server.request
        #expect(request.hasPrefix("PATCH /v1/x?dry_run HTTP/1.1\r\n"))
        #expect(request.hasSuffix("\r\n\r\n{\"a\":1}"))
        for line in [
            "Authorization: Bearer open-sesame-open-sesame", "If-Match: \"6\"", "Content-Length: 7",
            "Host: \(isUnix ? "localhost" : "\(server.address)")",
        ] {
            #expect(request.contains("\r\n\(line)\r\n"), "\(line)")
        }
        try await server.stop()
    }

    @Test("a problem is told in its own words")
    func refusal() async throws {
        let body = """
            {"type": "urn:apus:problem:no-pool", "title": "There is no such pool", "status": 404,
             "detail": "There is no pool `x`.", "available": ["web", "api"],
             "diagnostics": [{"rendered": "a.yaml:1:1: error: no"}]}
            """
        let server = try await ScriptedServer(
            answer: "HTTP/1.1 404 Not Found\r\nContent-Type: application/problem+json\r\n"
                + "Content-Length: \(body.utf8.count)\r\n\r\n\(body)")
        let error = await #expect(throws: AdminClientError.self) {
            try await AdminClient(server.address).ask(AdminRequest("GET", "/v1/pools/x"))
        }
        #expect(error?.isRefusal == true)
        #expect(error?.description == "a.yaml:1:1: error: no\nThere is no pool `x`.\nthere is: web, api")
        try await server.stop()
        let unauthorized = AdminAnswer(status: 401, type: "", body: "")
        #expect("\(AdminClientError.refused(unauthorized))".contains("--token-file"))
        #expect("\(AdminClientError.refused(AdminAnswer(status: 500, type: "", body: "")))".contains("500"))
        #expect("\(AdminClientError.refused(AdminAnswer(status: 503, type: "text/plain", body: "why\n")))" == "why")
    }

    @Test("where nobody listens, the address and who named it are told")
    func unreachable() async throws {
        // Bound and closed again: nobody is there.
        let server = try await ScriptedServer(answer: "")
        try await server.stop()
        let error = await #expect(throws: AdminClientError.self) {
            try await AdminClient(server.address).ask(AdminRequest("GET", "/"))
        }
        #expect(error == .unreachable(server.address, "nothing listens there"))
        #expect("\(AdminClientError.unreachable(.standard, "x"))".contains("127.0.0.1:9900 (the default): x"))
        let path = AdminAddress(.unix("/nonexistent/apus.sock"), from: .configuration(file: "apus.yaml"))
        await #expect(throws: AdminClientError.unreachable(path, "there is no such socket")) {
            try await AdminClient(path).ask(AdminRequest("GET", "/"))
        }
    }

    @Test("what breaks off, is no HTTP, or does not come is told apart")
    func broken() async throws {
        func error(_ answer: String, patience: Duration = .seconds(30)) async throws -> AdminClientError? {
            let server = try await ScriptedServer(answer: answer)
            defer { server.stopSoon() }
            return await #expect(throws: AdminClientError.self) {
                try await AdminClient(server.address).ask(AdminRequest("GET", "/"), patience: patience)
            }
        }
        let half = try await error("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n12345<end>")
        let noise = try await error("SSH-2.0-OpenSSH\r\n\r\n")
        let late = try await error("", patience: .milliseconds(50))
        for broken in [half, noise] {
            guard case .broken = broken else {
                Issue.record("\(String(describing: broken))")
                continue
            }
        }
        if case .late = late {} else { Issue.record("\(String(describing: late))") }
    }

    @Test("what is wrong with files of the command line is told in words")
    func unusableFiles() throws {
        let folder = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "../Certificates")
        func words(_ certificate: String, _ key: String) -> String? {
            do {
                let (chain, secret) = (
                    try Data(contentsOf: folder.appending(path: certificate)),
                    try Data(contentsOf: folder.appending(path: key))
                )
                _ = try AdminTLS.certificate(Array(chain), key: Array(secret), file: certificate, keyFile: key)
                return nil
            } catch {
                return "\(error)"
            }
        }
        #expect(words("client.pem", "client.key") == nil)
        #expect(
            words("client.pem", "site.key")
                == "the key in site.key is not that of the certificate in client.pem; name the one that is with "
                + "--admin-key")
        #expect(
            words("client.pem", "client.pem")
                == "there is no private key in client.pem beside the certificate; name its file with --admin-key")
        #expect(words("client.key", "client.key")?.hasPrefix("there is no certificate in client.key: ") == true)
        #expect(words("site.pem", "encrypted.key")?.contains("openssl pkey -in encrypted.key -out NEW") == true)
    }

    @Test("a server that does not accept a certificate is told from one that was shown none")
    func certificatesThatAreNotAccepted() {
        func words(_ shown: String?) -> String {
            "\(AdminClientError.untrusted(.standard, .refused(alert: 44), showing: shown))"
        }
        #expect(words(nil).hasSuffix(" a certificate that it believes: --admin-cert FILE, --admin-key FILE."))
        #expect(words("op.pem").hasSuffix("It does not accept the certificate in op.pem: its log says why."))
    }

    @Test("names become one segment of a path")
    func segments() {
        #expect(AdminRequest.segment("[::1]:80") == "%5B::1%5D:80")
        #expect(AdminRequest.segment("a/b ü?") == "a%2Fb%20%C3%BC%3F")
        #expect(AdminRequest.segment("\u{1}") == "%01")
    }
}

/// A server that reads one request and answers with what it was told, closing where `<end>` stands.
final class ScriptedServer: Sendable {
    let address: AdminAddress
    private let channel: any Channel
    private let requests: EventLoopPromise<String>

    init(answer: String, isUnix: Bool = false) async throws {
        let loop = MultiThreadedEventLoopGroup.singleton.next()
        requests = loop.makePromise(of: String.self)
        let bootstrap = ServerBootstrap(group: loop as any EventLoopGroup)
            .childChannelInitializer { [requests] channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandler(Answering(answer: answer, request: requests))
                }
            }
        if isUnix {
            let path = FileManager.default.temporaryDirectory.path + "/apus-admin-\(UInt32.random(in: 0...UInt32.max))"
            channel = try await bootstrap.bind(unixDomainSocketPath: path, cleanupExistingSocketFile: true).get()
            address = AdminAddress(.unix(path), from: .option)
        } else {
            channel = try await bootstrap.bind(host: "127.0.0.1", port: 0).get()
            address = AdminAddress(.host("127.0.0.1", port: channel.localAddress?.port ?? 0), from: .option)
        }
    }

    var request: String { get async { (try? await requests.futureResult.get()) ?? "" } }

    func stop() async throws {
        requests.succeed("")
        try await channel.close()
        if case .unix(let path) = address.place { unlink(path) }
    }

    func stopSoon() {
        requests.succeed("")
        channel.close(promise: nil)
    }

    private final class Answering: ChannelInboundHandler {
        typealias InboundIn = ByteBuffer
        typealias OutboundOut = ByteBuffer

        private let answer: String
        private let request: EventLoopPromise<String>
        private var read = ""

        init(answer: String, request: EventLoopPromise<String>) {
            self.answer = answer
            self.request = request
        }

        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            read += String(buffer: unwrapInboundIn(data))
            guard read.hasSuffix("\r\n\r\n") || read.hasSuffix("}") else { return }
            request.succeed(read)
            let ends = answer.hasSuffix("<end>")
            let text = ends ? String(answer.dropLast(5)) : answer
            context.writeAndFlush(wrapOutboundOut(ByteBuffer(string: text)), promise: nil)
            if ends { context.close(promise: nil) }
        }
    }
}
