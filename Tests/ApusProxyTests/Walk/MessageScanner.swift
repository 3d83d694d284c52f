/// Reads messages from bytes as they come, and holds bodies to `Content`: written for the walk, with nothing of the code
/// under test in it.
struct MessageScanner {
    struct Head {
        var start: [String]
        /// Names in lower case.
        var fields: [(name: String, value: String)]

        subscript(name: String) -> String? { fields.first { $0.name == name }?.value }
    }

    enum Framing: Equatable {
        case none
        case sized(Int)
        case chunked
        case untilEnd
    }

    enum Step {
        case needsMore
        /// Say `begin` next.
        case head(Head)
        case complete
        case wrong(String)
    }

    private enum State {
        case head
        case body(left: Int)
        case chunkSize
        case chunk(left: Int)
        case chunkEnd, trailers, untilEnd
    }

    private var bytes: [UInt8] = []
    private var position = 0
    private var state = State.head
    /// Whose body it must be; nil for any.
    private var seed: Int?
    /// Bytes of the present body.
    private(set) var bodyCount = 0
    private(set) var trailers: [(name: String, value: String)] = []

    /// Bytes that were not looked at yet.
    var rest: Int { bytes.count - position }
    /// A message has begun.
    var isInside: Bool { if case .head = state { rest > 0 } else { true } }
    var isInBody: Bool { if case .head = state { false } else { true } }

    mutating func take(_ more: UnsafeRawBufferPointer) {
        if position == bytes.count {
            bytes.removeAll(keepingCapacity: true)
            position = 0
        }
        bytes.append(contentsOf: more)
    }

    /// The message whose head has come goes on like this.
    mutating func begin(_ framing: Framing, seed: Int?) {
        self.seed = seed
        bodyCount = 0
        trailers = []
        switch framing {
        case .none: state = .body(left: 0)
        case .sized(let count): state = .body(left: count)
        case .chunked: state = .chunkSize
        case .untilEnd: state = .untilEnd
        }
    }

    /// The present message was none: the next begins.
    mutating func skipBody() { state = .head }

    /// The connection has ended. Whether that is the proper end of the message.
    mutating func ended() -> Bool {
        guard case .untilEnd = state else { return false }
        state = .head
        return true
    }

    mutating func step() -> Step {
        while true {
            switch state {
            case .head:
                guard let text = line(endingWith: [13, 10, 13, 10], atMost: 200_000) else { return .needsMore }
                guard let head = Self.parse(text) else { return .wrong("a head that is none: \(text.prefix(200))") }
                return .head(head)
            case .body(let left):
                guard left > 0 else { return complete() }
                let count = min(left, rest)
                guard count > 0 else { return .needsMore }
                guard body(count) else { return wrongByte() }
                state = .body(left: left - count)
            case .chunkSize:
                guard let text = line(endingWith: [13, 10], atMost: 64) else { return .needsMore }
                guard let size = Int(text, radix: 16) else { return .wrong("a chunk's size: \(text)") }
                state = size == 0 ? .trailers : .chunk(left: size)
            case .chunk(let left):
                let count = min(left, rest)
                guard count > 0 else { return .needsMore }
                guard body(count) else { return wrongByte() }
                state = left > count ? .chunk(left: left - count) : .chunkEnd
            case .chunkEnd:
                guard rest >= 2 else { return .needsMore }
                guard bytes[position] == 13, bytes[position + 1] == 10 else { return .wrong("the end of a chunk") }
                position += 2
                state = .chunkSize
            case .trailers:
                guard let text = line(endingWith: [13, 10], atMost: 1_000) else { return .needsMore }
                guard !text.isEmpty else { return complete() }
                trailers.append(Self.field(Substring(text)))
            case .untilEnd:
                guard rest > 0 else { return .needsMore }
                guard body(rest) else { return wrongByte() }
            }
        }
    }

    private mutating func complete() -> Step {
        state = .head
        return .complete
    }

    private func wrongByte() -> Step {
        .wrong("a byte of a body that is not its own, in the \(rest) after the first \(bodyCount)")
    }

    private mutating func body(_ count: Int) -> Bool {
        let isRight = bytes.withUnsafeBytes { all in
            guard let seed else { return true }
            return Content.matches(
                UnsafeRawBufferPointer(rebasing: all[position..<position + count]), seed: seed, from: bodyCount)
        }
        guard isRight else { return false }
        position += count
        bodyCount += count
        return true
    }

    /// The bytes up to an ending, which is passed over.
    private mutating func line(endingWith ending: [UInt8], atMost most: Int) -> String? {
        let limit = min(bytes.count, position + most)
        guard limit - position >= ending.count else { return nil }
        let offset = bytes.withUnsafeBytes {
            ApusProxyTests.position(of: ending, in: UnsafeRawBufferPointer(rebasing: $0[position..<limit]))
        }
        guard let offset else { return nil }
        let found = position + offset
        let text = String(decoding: bytes[position..<found], as: UTF8.self)
        position = found + ending.count
        return text
    }

    private static func parse(_ text: String) -> Head? {
        // To Swift a CR and LF together are one character.
        var lines = text.split(omittingEmptySubsequences: false) { $0 == "\r\n" }
        guard !lines.isEmpty else { return nil }
        let start = lines.removeFirst().split(separator: " ", maxSplits: 2).map(String.init)
        guard start.count >= 2 else { return nil }
        return Head(start: start, fields: lines.map { field($0) })
    }

    private static func field(_ line: Substring) -> (name: String, value: String) {
        let parts = line.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
        let value = parts.count > 1 ? parts[1].drop { $0 == " " } : ""
        return (parts[0].lowercased(), String(value))
    }
}
