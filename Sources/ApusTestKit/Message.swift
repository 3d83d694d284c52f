/// The fields of a message, in order and as they stood on the wire.
public struct Fields: Sendable, Equatable, CustomStringConvertible {
    public struct Line: Sendable, Equatable {
        public var name: String
        public var value: String
    }

    public var lines: [Line] = []

    /// The values of all lines named `name`, whatever its case.
    public func all(_ name: String) -> [String] {
        lines.filter { $0.name.lowercased() == name.lowercased() }.map(\.value)
    }

    /// The value of the only line named `name`; nil for none. Several are a mistake that shows in the value.
    public subscript(name: String) -> String? {
        let values = all(name)
        return values.count > 1 ? "repeated: \(values)" : values.first
    }

    /// Names in order, in lower case.
    public var names: [String] { lines.map { $0.name.lowercased() } }

    public var description: String { lines.map { "\($0.name): \($0.value)" }.joined(separator: "\n") }
}

/// How a message's body was delimited on the wire.
public enum Framing: Sendable, Equatable {
    case none
    case contentLength(Int)
    case chunked
    /// By the end of the connection: responses only.
    case close
}

/// A request as an origin received it.
public struct Request: Sendable, Equatable {
    public var method: String
    public var target: String
    public var version: String
    public var fields: Fields
    public var framing: Framing
    public var body: [UInt8] = []
    public var trailers = Fields()
    /// The sizes of the chunks; empty unless chunked.
    public var chunks: [Int] = []

    /// The body as text, one scalar per byte.
    public var text: String { ApusTestKit.text(body) }
}

/// A response as a client received it.
public struct Response: Sendable, Equatable {
    public var version: String
    public var status: Int
    public var phrase: String
    public var fields: Fields
    public var framing: Framing
    public var body: [UInt8] = []
    public var trailers = Fields()
    /// The sizes of the chunks; empty unless chunked.
    public var chunks: [Int] = []
    /// How the peer ended its side, if it did so within the response or at its end.
    public var ending: Connection.Ending?
    /// Whether a client may take this for the whole response: all of it is there, and nothing says otherwise.
    public var isComplete = true

    /// The body as text, one scalar per byte.
    public var text: String { ApusTestKit.text(body) }
    /// The reason that Apus gave, if Apus made this response.
    public var reason: String? { fields["Apus-Reason"] }
    /// Whether it announces that the connection is closed after it.
    public var announcesClose: Bool {
        fields.all("Connection").contains { $0.lowercased().split(separator: ",").contains("close") }
    }
}
