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
        public var streamsBeforeResets: UInt32 = 500
        /// Streams that this end may have reset for the peer's faults.
        public var faults: UInt32 = 1_024
        /// Pieces of a head that may be small ones: on the average of less than `smallPiece` bytes.
        public var pieces: UInt32 = 4
        public var smallPiece: UInt32 = 1_024
        /// Answers that may wait to be written.
        public var answers: UInt32 = 1_000
        /// Frames without content that may follow each other, on all streams.
        public var empty: UInt32 = 100
        /// Priorities, beyond as many for each stream.
        public var priorities: UInt32 = 100
        /// Window updates beyond ten for each frame of data that was sent and as many for each stream.
        public var windows: UInt32 = 1_000
        /// Bytes beyond eight for each byte of heads and bodies.
        public var overhead: UInt64 = 8 << 20

        public init() {}
    }

    /// Milliseconds within which the reset of a stream is premature.
    public static let premature: UInt32 = 1_000

    private let bounds: Bounds
    private var streams: UInt32 = 0
    private var resets: UInt32 = 0
    private var faults: UInt32 = 0
    private var pieces: UInt32 = 0
    private var pieceBytes: UInt32 = 0
    private var answers: UInt32 = 0
    private var empty: UInt32 = 0
    private var priorities: UInt32 = 0
    private var windows: UInt32 = 0
    private var sentFrames: UInt32 = 0
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
        bytes &+= UInt64(count)
        self.content &+= UInt64(content)
        try check(bytes / 8 <= self.content + bounds.overhead / 8, .overhead)
    }

    mutating func opened() { streams &+= 1 }

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

    /// A ping or settings, which are answered.
    mutating func answer() throws(FloodFault) {
        answers += 1
        try check(answers <= bounds.answers, .answers)
    }

    /// All answers have been written.
    public mutating func answersWereTaken() { answers = 0 }

    mutating func priority() throws(FloodFault) {
        priorities += 1
        try check(UInt64(priorities) <= UInt64(bounds.priorities) * UInt64(streams + 1), .priorities)
    }

    mutating func window() throws(FloodFault) {
        windows += 1
        try check(
            UInt64(windows) <= UInt64(bounds.windows) + 10 * (UInt64(sentFrames) + UInt64(streams)), .windows)
    }

    mutating func sentData() { sentFrames &+= 1 }
}

struct FloodFault: Error {
    var flood: FloodGauge.Flood
}
