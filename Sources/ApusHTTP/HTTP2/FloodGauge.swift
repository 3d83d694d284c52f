/// What a peer of HTTP/2 may make this end do, in relation to what it asks for.
///
/// Each of the known floods sends what costs its sender little and its receiver more: streams that are reset at once
/// (CVE-2023-44487), faults that have this end reset them (CVE-2025-8671), heads in countless pieces (CVE-2024-27316), pings,
/// settings, priorities, windows of a byte, frames of nothing (CVE-2019-9511 to 9518). What is counted here has a bound that no
/// client of good will comes near.
public struct FloodGauge: Sendable {
    /// Which bound was passed.
    public enum Flood: UInt8, Sendable, CaseIterable {
        /// Streams were opened and reset again.
        case resets
        /// What was sent had this end reset streams.
        case faults
        /// Streams were opened beyond what was allowed, again and again.
        case refusals
        /// A head came in many small pieces.
        case continuations
        /// Pings and settings were sent faster than their answers were taken.
        case answers
        /// Frames with nothing in them.
        case empty
        case priorities
        case windows
        /// Hardly anything but frames that carry nothing.
        case overhead
    }

    /// The bounds. The sources of the figures are in docs/design.
    public struct Bounds: Sendable {
        /// Streams from which on resets are looked at, of which no more than half may come within a second of their stream.
        public var streamsBeforeResets: UInt64 = 500
        /// Streams that this end may have reset for the peer's faults.
        public var faults: UInt64 = 1_024
        /// Streams that were refused since there were too many, beyond ten for each that was not: who cancels requests whose work goes
        /// on has done no wrong.
        public var refusals: UInt64 = 10_000
        /// Pieces of a head that may be small ones: on the average of less than `smallPiece` bytes.
        public var pieces: UInt32 = 4
        public var smallPiece: UInt32 = 1_024
        /// Answers, and resets that the peer has caused, that may wait to be written.
        public var answers: UInt64 = 1_000
        /// Frames without content that may follow each other, on all streams.
        public var empty: UInt64 = 100
        /// Priorities, beyond as many for each stream.
        public var priorities: UInt64 = 100
        /// Window updates beyond ten for each frame of data that was sent and as many for each stream.
        public var windows: UInt64 = 1_000
        /// Bytes beyond eight for each byte of heads and bodies, of either direction.
        public var overhead: UInt64 = 8 << 20

        public init() {}
    }

    /// Milliseconds within which the reset of a stream is premature.
    public static let premature: UInt32 = 1_000

    private let bounds: Bounds
    private var streams: UInt64 = 0
    private var resets: UInt64 = 0
    private var faults: UInt64 = 0
    private var refusals: UInt64 = 0
    private var pieces: UInt32 = 0
    private var pieceBytes: UInt32 = 0
    private var answers: UInt64 = 0
    private var empty: UInt64 = 0
    private var priorities: UInt64 = 0
    private var windows: UInt64 = 0
    private var sentFrames: UInt64 = 0
    private var bytes: UInt64 = 0
    private var content: UInt64 = 0

    public init(_ bounds: Bounds = Bounds()) { self.bounds = bounds }

    private func check(_ isWithin: Bool, _ flood: Flood) throws(FloodFault) {
        guard isWithin else { throw FloodFault(flood: flood) }
    }

    /// A frame has come.
    ///
    /// - Parameter content: bytes of heads and bodies in it.
    mutating func frame(_ count: Int, content: Int) throws(FloodFault) {
        bytes += UInt64(count)
        self.content += UInt64(content)
        try check(bytes / 8 <= self.content + bounds.overhead / 8, .overhead)
    }

    mutating func opened() { streams += 1 }

    /// A stream is refused: there are as many as there may be.
    mutating func refused() throws(FloodFault) {
        refusals += 1
        try check(refusals <= bounds.refusals + 10 * streams, .refusals)
    }

    /// A frame of a body, or an unimportant one.
    mutating func data(_ count: Int, endsStream: Bool) throws(FloodFault) {
        empty = count == 0 && !endsStream ? empty + 1 : 0
        try check(empty <= bounds.empty, .empty)
    }

    /// A piece of a head.
    mutating func piece(_ count: Int, isFirst: Bool) throws(FloodFault) {
        if isFirst { (pieces, pieceBytes) = (0, 0) }
        pieces += 1
        pieceBytes &+= UInt32(count)
        try check(pieces <= bounds.pieces || pieceBytes >= pieces * bounds.smallPiece, .continuations)
    }

    /// The peer has reset a stream that was open for so many milliseconds.
    mutating func reset(after age: UInt32) throws(FloodFault) {
        if age < Self.premature { resets += 1 }
        try check(streams < bounds.streamsBeforeResets || resets <= streams / 2, .resets)
    }

    /// This end resets a stream for what was sent on it.
    mutating func fault() throws(FloodFault) {
        faults += 1
        try check(faults <= bounds.faults, .faults)
    }

    /// A ping or settings, which are answered, or something for which a stream is reset.
    mutating func answer() throws(FloodFault) {
        answers += 1
        try check(answers <= bounds.answers, .answers)
    }

    /// All answers have been written.
    public mutating func answersWereTaken() { answers = 0 }

    mutating func priority() throws(FloodFault) {
        priorities += 1
        try check(priorities <= bounds.priorities * (streams + 1), .priorities)
    }

    mutating func window() throws(FloodFault) {
        windows += 1
        try check(
            windows <= bounds.windows + 10 * (sentFrames + streams), .windows)
    }

    /// Bytes of a head or a body have been sent: what the peer says of them is no overhead.
    mutating func sent(_ count: Int) {
        sentFrames += 1
        content += UInt64(count)
    }
}

struct FloodFault: Error {
    var flood: FloodGauge.Flood
}
