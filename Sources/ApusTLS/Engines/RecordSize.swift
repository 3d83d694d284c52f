import Glibc

/// How much of what a connection says goes into one record.
///
/// A record is opened when all of it is there. One of 16 KiB does not fit into the ten segments that a connection may send at
/// first and after a rest (RFC 6928): whoever waits for it waits a round trip more than for its first bytes. So what is said
/// first fills a segment each, and what follows, which costs less in large ones, 16 KiB.
struct RecordSize {
    /// Bytes of plaintext that with their record fit into a segment, in a tunnel as well: of 1,400 bytes of IPv6 with TCP's time
    /// stamps 1,328 are left, and TLS 1.2 takes 29 of them.
    static let segment = 1_296
    /// So many bytes go in small records after a rest.
    static let window = 10 * segment
    /// Milliseconds without a word after which a connection has to find out anew how much it may send.
    static let rest: UInt32 = 1_000

    /// Bytes said since the latest rest, or the window.
    private var said: Int32 = 0
    /// When the last of them were, in milliseconds of a clock that goes round in 49 days.
    private var spoke: Int32 = 0

    /// Something is to be said.
    mutating func begin(at now: Int32) {
        if UInt32(bitPattern: now &- spoke) > Self.rest { said = 0 }
        spoke = now
    }

    /// Bytes of the next record at most.
    var next: Int { said < Self.window ? Self.segment : TLSEngines.recordCapacity }

    /// They went into one.
    mutating func took(_ count: Int32) { said = min(said &+ count, Int32(Self.window)) }

    /// The time, as `begin` takes it.
    static func now() -> Int32 {
        var time = timespec()
        unsafe clock_gettime(CLOCK_MONOTONIC_COARSE, &time)
        return Int32(truncatingIfNeeded: time.tv_sec * 1_000 + time.tv_nsec / 1_000_000)
    }
}
