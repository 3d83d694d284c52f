import ApusAddresses
import ApusBalancing
import ApusConfig
import ApusModel
import Foundation
import Logging
import NIOCore
import NIOPosix
import Synchronization
import Testing

@testable import ApusControl

/// Carries nothing anywhere: remembers what it was asked, and shows it as what runs.
actor FakeAdopter: SnapshotAdopter {
    struct Failure: Error, CustomStringConvertible { let description: String }

    let live: Live
    private(set) var adopted: [Snapshot] = []
    private(set) var weights: [String] = []
    var failure: Failure?
    /// Waited for before anything is adopted.
    var delay: Duration?
    private var isHeld = false
    private var waiting: [CheckedContinuation<Void, Never>] = []

    init(live: Live) { self.live = live }

    func fail(_ words: String?) { failure = words.map { Failure(description: $0) } }
    func wait(_ delay: Duration) { self.delay = delay }

    /// Nothing is adopted until it is let go.
    func hold() { isHeld = true }

    func letGo() {
        isHeld = false
        for continuation in waiting { continuation.resume() }
        waiting = []
    }

    func adopt(_ snapshot: Snapshot) async throws {
        if let delay { try await Task.sleep(for: delay) }
        if isHeld { await withCheckedContinuation { waiting.append($0) } }
        if let failure { throw failure }
        adopted.append(snapshot)
        live.view = .of(snapshot)
    }

    func setWeight(pool: String, endpoint: ApusAddresses.SocketAddress, weight: Int) {
        weights.append("\(pool) \(endpoint) \(weight)")
        let snapshot = live.view.snapshot
        guard let index = snapshot.pools.firstIndex(where: { $0.name == pool }) else { return }
        var endpoints = snapshot.endpoints
        for place in snapshot.pools[index].endpoints where endpoints[place].address == endpoint {
            endpoints[place].weight = weight
        }
        live.view = .of(snapshot.replacing(endpoints: endpoints))
    }
}

extension Live.View {
    static func of(_ snapshot: Snapshot) -> Live.View {
        Live.View(snapshot: snapshot, counters: FakeDataPlane(snapshot), addresses: snapshot.listeners.map(\.bind))
    }
}

/// A configuration that runs in a test: files in memory, nobody who carries it out.
struct ConfigurationFixture {
    let files: Files
    let live: Live
    let adopter: FakeAdopter
    let running: RunningConfiguration

    /// Files that tests write.
    final class Files: Sendable {
        private let texts: Mutex<[String: String]>
        /// Finds addresses of host names.
        let resolver = Mutex<@Sendable (String) -> [IPAddress]>({ _ in [] })
        /// The addresses of this machine.
        let machine = Mutex<@Sendable () -> Set<IPAddress>?>({ LocalAddresses.ofThisMachine() })
        init(_ texts: [String: String]) { self.texts = Mutex(texts) }

        subscript(path: String) -> String? {
            get { texts.withLock { $0[path] } }
            set { texts.withLock { $0[path] = newValue } }
        }

        var loader: ConfigurationLoader {
            var loader = ConfigurationLoader(
                resolve: { name in self.resolver.withLock { $0 }(name) }, defaultWorkers: 2, defaultNode: "test",
                readFile: { path, _ in
                    guard let text = self[path] else { throw FileSystem.ReadError("there is no such file") }
                    return text
                }, listFiles: { _ in [] }, environment: { $0 == "PW" ? "hunter2secret" : nil })
            loader.localAddresses = { self.machine.withLock { $0 }() }
            return loader
        }
    }

    static let text = """
        listeners:
          - bind: 127.0.0.1:8080
            name: front
            routes:
              - { host: api.example.com, path: /v1/*, pool: api }
              - { pool: web }
        pools:
          web: { endpoints: [127.0.0.1:1, { address: 127.0.0.1:2, weight: 3 }], balance: weighted-round-robin }
          api: { endpoints: [127.0.0.1:3] }
        """

    /// - Parameter resolve: finds addresses of host names from the beginning.
    init(
        _ text: String = Self.text, path: String? = "apus.yaml", store: RevisionStore? = nil,
        handed: HandedState? = nil, resolve: @escaping @Sendable (String) -> [IPAddress] = { _ in [] },
        logger: Logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
    ) throws {
        files = Files(["apus.yaml": text])
        files.resolver.withLock { $0 = resolve }
        let first = try files.loader.load(path: "apus.yaml").using(RunningConfiguration.keptNames(handed, store))
        var dynamic = handed?.dynamic ?? store?.dynamicState ?? DynamicState()
        dynamic.reconcile(with: first.snapshot)
        live = Live(.of(dynamic.applied(to: first)))
        adopter = FakeAdopter(live: live)
        running = RunningConfiguration(
            path: path, loader: files.loader, first: first, adopter: adopter, live: live, store: store, handed: handed,
            logger: logger)
    }
}

/// An admin server that listens, and what it answers.
struct AdminFixture {
    struct Answer: Sendable {
        var status: Int
        /// By name in lower case.
        var fields: [String: String]
        var body: String

        var type: String? { fields["content-type"] }

        func json(_ location: SourceLocation = #_sourceLocation) throws -> JSONValue {
            try JSONValue(parsing: body)
        }
    }

    let configuration: ConfigurationFixture
    let address: NIOCore.SocketAddress

    /// An address of this machine without a token, by which nothing can be changed.
    static let address = Admin(ApusAddresses.SocketAddress("127.0.0.1:0")!)

    /// Runs `body` while the server listens.
    ///
    /// - Parameter admin: nil for a Unix socket of its own, by which everything may be changed.
    static func run(
        _ text: String = ConfigurationFixture.text, admin: Admin? = nil,
        logger: Logger = Logger(label: "test"),
        phase: ServingState.Phase = .serving, store: RevisionStore? = nil,
        upgrade: (@Sendable () async throws -> String)? = nil,
        connections: AdminConnections = AdminConnections(limits: AdminLimits()),
        then: @escaping @Sendable (inout [PoolHealth]) -> Void = { _ in },
        _ body: (AdminFixture) async throws -> Void
    ) async throws {
        let socket = "/tmp/apus-admin-\(UInt64.random(in: 0...UInt64.max)).sock"
        let admin = admin ?? Admin(bind: .unix(path: socket))
        let configuration = try ConfigurationFixture(text, store: store)
        let live = configuration.live
        let serving = ServingState()
        serving.phase = phase
        let (bound, sink) = AsyncStream<ApusAddresses.SocketAddress?>.makeStream()
        let server = AdminServer(
            admin, live: live, configuration: configuration.running, serving: serving,
            eventLoopGroup: MultiThreadedEventLoopGroup.singleton, logger: logger,
            health: {
                let snapshot = live.view.snapshot
                return .of(snapshot, snapshot.endpoints.map { _ in true }, then: then)
            }, upgrade: upgrade, connections: connections, listening: { sink.yield($0) })
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask {
                do {
                    try await server.run()
                } catch is CancellationError {
                } catch {
                    sink.finish()
                    throw error
                }
            }
            var iterator = bound.makeAsyncIterator()
            guard let bound = await iterator.next() else {
                try await group.waitForAll()
                return
            }
            let address =
                switch admin.bind {
                case .unix(let path): try NIOCore.SocketAddress(unixDomainSocketPath: path)
                case .address: try NIOCore.SocketAddress(ipAddress: "\(bound!.ip)", port: Int(bound!.port))
                }
            try await body(AdminFixture(configuration: configuration, address: address))
            group.cancelAll()
        }
        try? FileManager.default.removeItem(atPath: socket)
    }

    func get(_ path: String, _ fields: [String: String] = [:]) async throws -> Answer {
        try await send("GET", path, fields)
    }

    func send(
        _ method: String, _ path: String, _ fields: [String: String] = [:], _ body: String = ""
    ) async throws -> Answer {
        var head = "\(method) \(path) HTTP/1.1\r\nConnection: close\r\n"
        let usual = ["Host": "localhost", "Content-Length": "\(body.utf8.count)"]
        for (name, value) in usual.merging(fields, uniquingKeysWith: { $1 }) {
            head += "\(name): \(value)\r\n"
        }
        return try Answer(try await raw(head + "\r\n" + body))
    }

    /// All that comes back for these bytes until the server closes.
    func raw(_ bytes: String) async throws -> String {
        String(buffer: try await rawBytes(ByteBuffer(string: bytes)))
    }

    func rawBytes(_ bytes: ByteBuffer) async throws -> ByteBuffer {
        let channel = try await ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton).connect(to: address) {
            channel in
            channel.eventLoop.makeCompletedFuture {
                try NIOAsyncChannel<ByteBuffer, ByteBuffer>(wrappingChannelSynchronously: channel)
            }
        }
        return try await channel.executeThenClose { inbound, outbound in
            try await outbound.write(bytes)
            var received = ByteBuffer()
            do {
                for try await part in inbound { received.writeImmutableBuffer(part) }
            } catch is IOError where received.readableBytes > 0 {
                // A reset is an end too.
            }
            return received
        }
    }

    /// A connection that has sent `bytes`, and keeps what comes back.
    func connect(sending bytes: String = "") async throws -> RawConnection {
        let connection = RawConnection()
        let channel = try await ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .channelInitializer { $0.pipeline.addHandler(RawConnection.Keeper(connection, bytes)) }
            .connect(to: address).get()
        connection.channel.withLock { $0 = channel }
        return connection
    }
}

/// A connection that a test writes to bit by bit.
final class RawConnection: Sendable {
    fileprivate let channel = Mutex<(any Channel)?>(nil)
    private let kept = Mutex("")
    private let ended = Mutex(false)

    var received: String { kept.withLock { $0 } }
    var isClosed: Bool { ended.withLock { $0 } }

    func send(_ text: String) async throws {
        try await channel.withLock { $0 }?.writeAndFlush(ByteBuffer(string: text))
    }

    func stopReading() async throws {
        try await channel.withLock { $0 }?.setOption(.autoRead, value: false).get()
    }

    /// Sends no more, and still reads.
    func endSending() async throws { try await channel.withLock { $0 }?.close(mode: .output) }

    func close() { channel.withLock { $0 }?.close(promise: nil) }

    /// Whether `condition` becomes true within a few seconds.
    func comes(to condition: (RawConnection) -> Bool) async throws -> Bool {
        for _ in 0..<500 {
            if condition(self) { return true }
            try await Task.sleep(for: .milliseconds(10))
        }
        return false
    }

    fileprivate final class Keeper: ChannelInboundHandler, Sendable {
        typealias InboundIn = ByteBuffer
        let connection: RawConnection
        /// Sent at once, on the event loop: a test may get its turn much later.
        let first: String
        init(_ connection: RawConnection, _ first: String) {
            self.connection = connection
            self.first = first
        }

        func channelActive(context: ChannelHandlerContext) {
            guard !first.isEmpty else { return }
            context.writeAndFlush(NIOAny(ByteBuffer(string: first)), promise: nil)
        }
        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            let text = String(buffer: unwrapInboundIn(data))
            connection.kept.withLock { $0 += text }
        }
        func channelInactive(context: ChannelHandlerContext) { connection.ended.withLock { $0 = true } }
        func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }
    }
}

extension AdminFixture.Answer {
    init(_ text: String) throws {
        let end = try #require(text.firstRange(of: "\r\n\r\n"))
        let lines = text[..<end.lowerBound].split(separator: "\r\n")
        status = try #require(Int(lines[0].split(separator: " ")[1]))
        fields = [:]
        for line in lines.dropFirst() {
            let parts = line.split(separator: ":", maxSplits: 1)
            fields[parts[0].lowercased()] = String(parts[1].drop { $0 == " " })
        }
        body = String(text[end.upperBound...])
    }
}
