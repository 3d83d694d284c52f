/// Who a link's peer is, as far as its engine has verified: made once for a connection, and shared by its requests.
public final class LinkIdentity: Sendable {
    /// Its names: URIs, DNS names in lower case, e-mail addresses, and at last its common name as `CN=name`. Nothing stands in
    /// them that could end a line.
    public let names: [String]
    /// The name that it is called by in logs: the first of them, or its subject where it has none.
    public let name: [UInt8]
    /// The lines of a head by which others are told of it, each with its end.
    public let lines: [UInt8]

    public init(names: [String], name: String, lines: [UInt8]) {
        self.names = names
        self.name = Array(name.utf8)
        self.lines = lines
    }
}
