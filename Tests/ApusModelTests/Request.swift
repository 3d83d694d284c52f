import ApusHTTP
import ApusModel

/// A request as routes see it.
struct Request: ~Copyable {
    let bytes: [UInt8]
    let fields: FieldTable
    let head: RequestHead
    var path: [UInt8]
    var client: IPAddress

    /// - Parameter path: matched instead of the target's.
    init(
        _ method: String = "GET", _ target: String = "/", host: String = "a.test", fields lines: [String] = [],
        path: String? = nil, client: String = "192.0.2.1"
    ) throws {
        let text = (["\(method) \(target) HTTP/1.1", "Host: \(host)"] + lines + ["", ""]).joined(separator: "\r\n")
        let bytes = Array(text.utf8)
        var fields = FieldTable()
        guard let head = try RequestHead.parse(bytes.span, limits: HeadLimits(), into: &fields) else {
            throw Incomplete()
        }
        self.bytes = bytes
        self.fields = fields
        self.head = head
        self.path = path.map { Array($0.utf8) } ?? Array(bytes[head.target.path])
        self.client = IPAddress(client) ?? .anyIPv4
    }

    struct Incomplete: Error {}

    var text: String { String(decoding: bytes, as: UTF8.self) }

    func route(of snapshot: Snapshot, listener: Int = 0) -> Int? {
        snapshot.route(
            listener: listener, head: head, path: path.span, fields: fields, bytes: bytes.span, client: client)
    }

    func mismatch(with route: Route) -> RouteMismatch? {
        route.mismatch(head: head, path: path.span, fields: fields, bytes: bytes.span, client: client)
    }
}

extension Snapshot {
    /// Nothing but routes.
    static func of(_ routes: [Route], listeners: [Range<Int>]? = nil) -> Snapshot {
        let address = SocketAddress(ip: .anyIPv4, port: 0)
        return Snapshot(
            workers: 1,
            listeners: (listeners ?? [0..<routes.count]).map { Listener(name: "", bind: address, routes: $0) },
            routes: routes, pools: [Pool(name: "", endpoints: 0..<0)], endpoints: [])
    }
}
