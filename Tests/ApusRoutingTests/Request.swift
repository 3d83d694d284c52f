import ApusAddresses
import ApusHTTP
import ApusRouting

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

    func route(in table: RouteTable, listener: Int = 0) -> Int? {
        table.route(
            listener: listener, head: head, path: path.span, fields: fields, bytes: bytes.span, client: client)
    }

    func mismatch(with match: RouteMatch) -> RouteMismatch? {
        match.firstMismatch(head: head, path: path.span, fields: fields, bytes: bytes.span, client: client)
    }
}

extension RouteTable {
    /// A table of one listener.
    init(_ matches: [RouteMatch]) { self.init(matches, listeners: [0..<matches.count]) }
}
