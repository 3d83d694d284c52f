public import ApusAddresses

/// One side of a TCP connection in a script: sends and receives bytes, each operation within a deadline.
///
/// Text stands for bytes, one scalar for one byte (ISO 8859-1): `"\u{80}"` is the byte 0x80. Everything received is
/// kept in `received`; reading moves along in it. Belongs to one thread.
public final class Connection {
    /// How the peer ended its side.
    public enum Ending: Sendable, Equatable {
        /// Closed in good order (FIN).
        case closed
        /// Broken (RST).
        case reset
    }

    public let socket: Socket
    /// Every byte received so far, read or not.
    public private(set) var received: [UInt8] = []
    /// How the peer ended its side, once that has been seen.
    public private(set) var ending: Ending?
    /// How long each operation may take.
    public var patience: Duration = .seconds(10)

    private var position = 0
    private let observer: Observer?
    private var isFinished = false

    /// What an origin records of its connections.
    struct Observer {
        var received: @Sendable ([UInt8]) -> Void
        var head: @Sendable (Request) -> Void
        var request: @Sendable (Request) -> Void
    }

    init(_ socket: Socket, observer: Observer? = nil) {
        self.socket = socket
        self.observer = observer
    }

    private var deadline: Deadline { .after(patience) }

    /// Where this side is.
    public var localAddress: SocketAddress { socket.localAddress }
}

// MARK: - Sending

extension Connection {
    public func send(_ text: String) throws {
        try send(bytes(text))
    }

    public func send(_ bytes: [UInt8]) throws {
        try socket.write(bytes, by: deadline)
    }

    /// Sends one byte at a time, each in a segment of its own.
    public func sendSlowly(_ text: String) throws {
        for byte in bytes(text) { try send([byte]) }
    }

    /// Sends `block` again and again until the peer takes no more for `pause`, or `limit` bytes are sent, and returns
    /// how many bytes went. `sent` bytes have gone before, so that this goes on in the middle of the block.
    public func sendUntilStalled(
        _ block: [UInt8], after sent: Int = 0, limit: Int = .max, pause: Duration = .milliseconds(400)
    ) throws -> Int {
        var total = 0
        while total < limit {
            do {
                total += try socket.writeSome(block[((sent + total) % block.count)...], by: .after(pause))
            } catch KitError.timedOut {
                return total
            }
        }
        return total
    }
}

// MARK: - Receiving

extension Connection {
    /// Waits for more bytes; false when the peer has ended its side.
    @discardableResult
    public func receiveMore(upTo limit: Int = 65_536, by deadline: Deadline? = nil) throws -> Bool {
        guard ending == nil else { return false }
        switch try socket.read(upTo: limit, by: deadline ?? self.deadline) {
        case .bytes(let bytes):
            received += bytes
            observer?.received(bytes)
            return true
        case .closed: ending = .closed
        case .reset: ending = .reset
        case .timedOut: throw KitError.timedOut("receiving", received: unread)
        }
        return false
    }

    /// Bytes that have been received and not been read yet.
    public var unread: [UInt8] { Array(received[position...]) }

    /// Forgets what has been read, so that a long conversation does not fill the memory.
    public func forget() {
        received.removeSubrange(..<position)
        position = 0
    }

    /// The next byte, or nil when the peer has ended its side.
    func nextByte() throws -> UInt8? {
        while position == received.count {
            guard try receiveMore() else { return nil }
        }
        defer { position += 1 }
        return received[position]
    }

    /// Exactly `count` bytes, or fewer when the peer ended its side before them.
    public func read(_ count: Int) throws -> [UInt8] {
        while received.count - position < count {
            guard try receiveMore() else { break }
        }
        let end = min(position + count, received.count)
        defer { position = end }
        return Array(received[position..<end])
    }

    /// Everything up to and including the first `text`.
    public func read(through text: String) throws -> String {
        let wanted = bytes(text)
        var found: [UInt8] = []
        while found.suffix(wanted.count) != wanted[...] {
            guard let byte = try nextByte() else {
                throw KitError.ended(ending!, while: "reading through \(printable(wanted))", received: found)
            }
            found.append(byte)
        }
        return ApusTestKit.text(found)
    }

    /// Everything to the end of the peer's side, and how it ended.
    public func readToEnd() throws -> (bytes: [UInt8], ending: Ending) {
        while try receiveMore() {}
        defer { position = received.count }
        return (Array(received[position...]), ending!)
    }

    /// How the peer ended its side; throws when more bytes come first.
    public func readEnding() throws -> Ending {
        let (bytes, ending) = try readToEnd()
        guard bytes.isEmpty else { throw KitError.malformed("bytes before the end", received: bytes) }
        return ending
    }

    /// Whether nothing comes and the connection stays open for `duration`.
    public func isSilent(for duration: Duration) throws -> Bool {
        guard position == received.count, ending == nil else { return false }
        do {
            try receiveMore(by: .after(duration))
            return false
        } catch KitError.timedOut {
            return true
        }
    }

    /// Takes the next request off the wire; nil when the peer closed before its first byte.
    ///
    /// Read by the letter of RFC 9112: what a lenient origin would let pass throws.
    public func readRequest() throws -> Request? {
        var reader = MessageReader(self)
        guard let head = try reader.readRequestHead() else { return nil }
        observer?.head(head)
        let request = try reader.readBody(of: head)
        observer?.request(request)
        return request
    }

    /// Takes the head of the next request off the wire and leaves its body there.
    public func readRequestHead() throws -> Request? {
        var reader = MessageReader(self)
        let head = try reader.readRequestHead()
        if let head { observer?.head(head) }
        return head
    }

    /// Takes the body that follows `head` off the wire.
    public func readBody(of head: Request) throws -> Request {
        var reader = MessageReader(self)
        let request = try reader.readBody(of: head)
        observer?.request(request)
        return request
    }

    /// Takes the next response, interim ones included, off the wire.
    ///
    /// Read by the letter of RFC 9112. A body cut short does not throw: see `Response.isComplete`.
    public func readResponse(to method: String = "GET") throws -> Response {
        var reader = MessageReader(self)
        let head = try reader.readResponseHead()
        return try reader.readBody(of: head, method: method)
    }

    /// Takes the head of the next response off the wire and leaves its body there.
    public func readResponseHead() throws -> Response {
        var reader = MessageReader(self)
        return try reader.readResponseHead()
    }

    /// Takes the body that follows `head` off the wire.
    public func readBody(of head: Response, to method: String = "GET") throws -> Response {
        var reader = MessageReader(self)
        return try reader.readBody(of: head, method: method)
    }
}

// MARK: - Ending

extension Connection {
    /// Closes the sending side (FIN) and can still receive.
    public func endSending() { socket.endSending() }

    /// Closes the connection in both directions; what the peer still sends is answered with RST.
    public func close() {
        isFinished = true
        socket.end()
    }

    /// Breaks the connection (RST).
    public func reset() {
        isFinished = true
        socket.reset()
    }

    /// Closes in good order: FIN, then whatever the peer still sends is read and thrown away, so that no RST overtakes
    /// what was sent.
    func closeGently() {
        guard !isFinished else { return }
        isFinished = true
        socket.endSending()
        while (try? receiveMore()) == true {}
    }
}

/// The bytes that `text` stands for, one per scalar.
public func bytes(_ text: String) -> [UInt8] {
    text.unicodeScalars.map { UInt8($0.value) }
}

/// The text that stands for `bytes`, one scalar per byte.
public func text(_ bytes: some Sequence<UInt8>) -> String {
    var scalars = String.UnicodeScalarView()
    for byte in bytes { scalars.append(UnicodeScalar(byte)) }
    return String(scalars)
}
