import ApusModel
import ApusTransport
import Synchronization

/// Where one worker leaves its lines of the access log.
struct AccessLogWriter {
    let ring: ByteRing
    let names: AccessLogNames
}

/// The parts of log lines that only depend on the configuration, as JSON.
struct AccessLogNames {
    let listeners: [[UInt8]]
    private let routes: [[UInt8]]
    private let endpoints: [[UInt8]]

    init(_ snapshot: Snapshot) {
        listeners = snapshot.listeners.map { Self.member("listener", $0.name) }
        routes =
            snapshot.routes.map { Self.member("route", $0.name) + Self.member("pool", $0.pools.first.map { snapshot.pools[$0.pool].name }) }
            + [Self.member("route", nil) + Self.member("pool", nil)]
        endpoints = snapshot.endpoints.map { Self.member("endpoint", $0.name) } + [Self.member("endpoint", nil)]
    }

    /// For -1, a request that matched no route.
    func route(_ index: Int) -> [UInt8] { routes[index < 0 ? routes.count - 1 : index] }
    func endpoint(_ index: Int) -> [UInt8] { endpoints[index < 0 ? endpoints.count - 1 : index] }

    private static func member(_ key: String, _ value: String?) -> [UInt8] {
        guard let value else { return Array(",\"\(key)\":null".utf8) }
        var escaped = ""
        for scalar in value.unicodeScalars {
            switch scalar {
            case "\"", "\\": escaped += "\\\(scalar)"
            case _ where scalar.value < 0x20:
                let hex = String(scalar.value, radix: 16)
                escaped += "\\u" + String(repeating: "0", count: 4 - hex.count) + hex
            default: escaped.unicodeScalars.append(scalar)
            }
        }
        return Array(",\"\(key)\":\"\(escaped)\"".utf8)
    }
}

/// The access log: takes lines from every worker's ring and writes them out, on a thread of its own.
///
/// Workers never wait for it. When the file or the pipe behind it is too slow the rings fill up, lines are dropped, and
/// the drops are counted.
final class AccessLogSink: Sendable {
    let rings: [ByteRing]
    private let descriptor: Int32
    private let closesDescriptor: Bool
    private let isStopping = Atomic(false)
    private let thread = Mutex<SystemThread?>(nil)
    private let wake: Mailbox<Void>

    /// How long a line waits at most before it is written.
    private static let interval: Int32 = 200
    private static let ringCapacity = 1 << 20

    /// - Returns: nil when the snapshot asks for no log.
    init?(_ log: AccessLog, workers: Int) throws(DataPlaneError) {
        switch log.destination {
        case nil, .syslog: return nil
        case .standardOutput:
            descriptor = 1
            closesDescriptor = false
        case .file(let path):
            let result = openLog(path)
            guard result >= 0 else { throw .accessLog(path: path, errno: -result) }
            descriptor = result
            closesDescriptor = true
        }
        do {
            wake = try Mailbox()
        } catch {
            throw .system(call: error.call, errno: error.errno)
        }
        let wake = wake
        rings = (0..<workers).map { _ in ByteRing(capacity: Self.ringCapacity) { wake.post(()) } }
    }

    func writer(worker: Int, _ snapshot: Snapshot) -> AccessLogWriter {
        AccessLogWriter(ring: rings[worker], names: AccessLogNames(snapshot))
    }

    func start() throws(SystemError) {
        let thread = try SystemThread(name: "apus-log") { [self] in run() }
        self.thread.withLock { $0 = thread }
    }

    /// Writes what is left and ends. Blocks until done.
    func stop() {
        isStopping.store(true, ordering: .relaxed)
        wake.post(())
        thread.withLock { $0.take() }?.join()
        if closesDescriptor { Socket(descriptor: descriptor).close() }
    }

    private func run() {
        while !isStopping.load(ordering: .relaxed) {
            waitUntilReadable(wake.descriptor, milliseconds: Self.interval)
            _ = wake.takeAll()
            for ring in rings { ring.drain(to: descriptor, patience: Self.interval) }
        }
        // What a reader that has stopped reading does not take now it will never take.
        for ring in rings { ring.drain(to: descriptor, patience: Self.interval) }
    }
}
