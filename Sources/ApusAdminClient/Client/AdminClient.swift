import FoundationEssentials
import Glibc
import NIOCore
import NIOHTTP1
import NIOPosix

/// Asks a running Apus, over HTTP/1.1 to its admin server: one connection for each request.
public struct AdminClient: Sendable {
    public private(set) var address: AdminAddress
    /// What the server wants to hear from whoever is let in (RFC 6750); never printed.
    private let token: String?
    private let tls: AdminTLS?
    private let group: MultiThreadedEventLoopGroup

    /// - Parameters:
    ///   - token: nil where the server lets everybody in: on loopback and Unix sockets.
    ///   - tls: nil for plain HTTP.
    public init(_ address: AdminAddress, token: String? = nil, tls: AdminTLS? = nil) {
        self.address = address
        self.address.isTLS = tls != nil
        self.token = token
        self.tls = tls
        group = .singleton
    }

    /// Sends a request and returns the answer, of whatever status.
    ///
    /// - Parameter patience: until the answer is complete.
    public func send(
        _ request: AdminRequest, patience: Duration = .seconds(10)
    ) async throws(AdminClientError) -> AdminAnswer {
        let head = head(of: request)
        let promise = group.next().makePromise(of: AdminAnswer.self)
        let bootstrap = ClientBootstrap(group: promise.futureResult.eventLoop as any EventLoopGroup)
            .connectTimeout(.seconds(5))
            .channelInitializer { [tls, address] channel in
                channel.eventLoop.makeCompletedFuture {
                    if let layer = try tls?.layer(to: address) {
                        try channel.pipeline.syncOperations.addHandler(layer)
                    }
                    try channel.pipeline.syncOperations.addHTTPClientHandlers()
                    try channel.pipeline.syncOperations.addHandler(
                        AdminExchange(head: head, body: request.body, answer: promise))
                }
            }
        do {
            let channel = try await connect(bootstrap)
            let limit = promise.futureResult.eventLoop.scheduleTask(in: .init(patience)) {
                promise.fail(AdminClientError.late(address, patience))
            }
            promise.futureResult.whenComplete { _ in
                limit.cancel()
                channel.close(promise: nil)
            }
        } catch {
            promise.fail(AdminClientError.unreachable(address, reason(error)))
        }
        do {
            return try await promise.futureResult.get()
        } catch let error as AdminClientError {
            throw error
        } catch let error as BrokenHandshake {
            throw error.isAnother
                ? .another(address) : .untrusted(address, error.fault, showing: tls?.shownFile)
        } catch {
            throw .broken(address, reason(error))
        }
    }

    /// Sends a request and returns the answer if it is a good one (2xx).
    ///
    /// - Throws: `AdminClientError.refused` with the reason that the server gives otherwise.
    public func ask(
        _ request: AdminRequest, patience: Duration = .seconds(10)
    ) async throws(AdminClientError) -> AdminAnswer {
        let answer = try await send(request, patience: patience)
        guard (200..<300).contains(answer.status) else { throw .refused(answer) }
        return answer
    }

    private func connect(_ bootstrap: ClientBootstrap) async throws -> any Channel {
        switch address.place {
        case .host(let host, let port): try await bootstrap.connect(host: host, port: port).get()
        case .unix(let path): try await bootstrap.connect(unixDomainSocketPath: path).get()
        }
    }

    private func head(of request: AdminRequest) -> HTTPRequestHead {
        var headers: HTTPHeaders = [
            "Host": address.authority, "User-Agent": "apus", "Accept": "application/json, text/plain",
            "Connection": "close",
        ]
        if let token { headers.add(name: "Authorization", value: "Bearer \(token)") }
        for (name, value) in request.headers { headers.add(name: name, value: value) }
        let method = HTTPMethod(rawValue: request.method)
        if !request.body.isEmpty {
            headers.add(name: "Content-Type", value: "application/json")
            headers.add(name: "Content-Length", value: "\(request.body.utf8.count)")
        } else if [.POST, .PUT, .PATCH].contains(method) {
            // Methods that come with a body come with an empty one, which is to be said (RFC 9110 section 8.6).
            headers.add(name: "Content-Length", value: "0")
        }
        return HTTPRequestHead(version: .http1_1, method: method, uri: request.path, headers: headers)
    }

    private func isSocket(_ path: String) -> Bool {
        let kind = try? FileManager.default.attributesOfItem(atPath: path)[.type] as? FileAttributeType
        return kind == .typeSocket
    }

    private func reason(_ error: any Error) -> String {
        switch error {
        case let error as IOError:
            // Of a file the system says the same as of a socket that nobody listens on.
            if error.errnoCode == ECONNREFUSED, case .unix(let path) = address.place, !isSocket(path) {
                "it is a file, not a socket"
            } else {
                systemErrorText(error.errnoCode)
            }
        case let error as NIOConnectionError:
            (error.connectionErrors.first?.error as? IOError).map { systemErrorText($0.errnoCode) }
                ?? "no address of that name could be reached"
        case ChannelError.connectTimeout: "no answer to the attempt to connect"
        default: "\(error)"
        }
    }
}

/// A request to the admin server.
public struct AdminRequest: Sendable, Equatable {
    public var method: String
    /// With the query, encoded.
    public var path: String
    public var headers: [(String, String)] { ifMatch.map { [("If-Match", $0)] } ?? [] }
    /// JSON; empty for none.
    public var body: String
    /// The revision that the request is about; nil for whichever runs.
    public var ifMatch: String?

    public init(_ method: String, _ path: String, body: String = "", ifMatch: String? = nil) {
        self.method = method
        self.path = path
        self.body = body
        self.ifMatch = ifMatch
    }

    /// A text as one segment of a path (RFC 3986 section 2.1).
    public static func segment(_ text: String) -> String {
        let plain = Set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~:".utf8)
        return text.utf8.map { byte in
            if plain.contains(byte) { return String(UnicodeScalar(byte)) }
            let digits = String(byte, radix: 16, uppercase: true)
            return "%" + (digits.count == 1 ? "0" : "") + digits
        }.joined()
    }
}

/// What the admin server answered.
public struct AdminAnswer: Sendable, Equatable {
    public var status: Int
    /// The media type, without its parameters.
    public var type: String
    public var body: String
    /// The field `ETag`; nil where there is none.
    public var entityTag: String?

    public init(status: Int, type: String, body: String, entityTag: String? = nil) {
        self.status = status
        self.type = type
        self.body = body
        self.entityTag = entityTag
    }
}
