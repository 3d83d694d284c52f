import ApusTransport

/// A TCP connection of a worker, to a client or to an origin: its link, what waits to be read or sent, and its
/// deadline.
///
/// Plain bits in a slab. While nothing is under way it owns no buffer.
struct Connection: BitwiseCopyable {
    enum Phase: UInt8 {
        // A client's.
        /// The header of the PROXY protocol, which it must begin with, has not come whole.
        case introducing
        /// Its TLS handshake is not over.
        case shaking
        /// No request has begun.
        case waiting
        /// A head has begun to arrive.
        case readingHead
        /// An exchange is running.
        case exchanging
        /// The last response is sent; what the client still sends is thrown away until it closes.
        case lingering
        /// Its head, which had not come whole, was given up for want of memory; it is refused in the next turn.
        case evicted
        // An origin's.
        case connecting
        /// Connected, and its TLS handshake is not over.
        case opening
        /// In the pool, free to be leased.
        case idle
        case leased
        /// A client's own (`bound`), and free for its next request.
        case held
    }

    /// What moves its bytes; handed to `Links`.
    var link: Link
    var phase: Phase
    /// The client's address may extend forwarding fields instead of having them replaced.
    var isTrusted = false
    /// The connection carried an exchange before this one.
    var wasUsed = false
    /// Of a client's: whose pace is measured.
    var pace = Pace.none
    /// The exchange that runs on it; -1 for none.
    var exchange: Int32 = -1
    /// The listener of a client's, the endpoint (of all) of an origin's.
    var place: Int32
    /// Bytes received and not yet used: a head or trailers cut in two, or a request that came early.
    var input = Stretch()
    /// Bytes that the socket did not take yet.
    var output = Stretch()
    /// Of a client's connection, the origin's that is held for it; of an origin's, the client's that it belongs to. -1 for
    /// none, which nearly all have.
    var bound: Int32 = -1
    /// While a head arrives: when its first byte came. During an exchange: since when its pace is measured. While it
    /// lingers: since when.
    var since: Int64 = 0
    /// When something must have happened, in microseconds of the loop's clock.
    var deadline = Int64.max
    /// The tick of the wheel's entry for it; entries at other ticks are stale. Ticks of nine years fit in.
    private var armed = UInt32.max
    /// When it was made, in seconds of the loop's clock.
    private(set) var made: UInt32
    var peer: WireAddress
    /// Exchanges that have begun on it, modulo 65,536: nobody may ask for more.
    var carried: UInt16 = 0
    /// Bytes that have moved since then.
    var byteCount: UInt32 = 0

    init(client link: Link, listener: Int, peer: WireAddress, isTrusted: Bool, now: Int64) {
        self.link = link
        made = Self.seconds(now)
        phase = link.isPlain ? .waiting : .shaking
        place = Int32(listener)
        self.peer = peer
        self.isTrusted = isTrusted
    }

    init(upstream link: Link, endpoint: Int, exchange: Int, now: Int64) {
        self.link = link
        made = Self.seconds(now)
        phase = .connecting
        place = Int32(endpoint)
        self.exchange = Int32(exchange)
        peer = WireAddress(high: 0, low: 0, port: 0)
    }

    private static func seconds(_ now: Int64) -> UInt32 { UInt32(truncatingIfNeeded: now / 1_000_000) }

    /// The tick of the wheel's entry for it; `.max` for none.
    var armedTick: Int64 {
        get { armed == .max ? .max : Int64(armed) }
        set { armed = UInt32(clamping: newValue) }
    }

    /// How old it is, in microseconds, to the second.
    func age(_ now: Int64) -> Int64 { Int64(Self.seconds(now) &- made) * 1_000_000 }

    /// Of an origin's: for how many seconds that has said it keeps it idle; 0 where it has said nothing. Its bytes are not
    /// counted.
    var promisedIdle: UInt32 {
        get { byteCount }
        set { byteCount = newValue }
    }

    /// Of an origin's: its client has authenticated on it (docs/design/0016). A client's bit, which an origin's has no use for.
    var isSomebody: Bool {
        get { isTrusted }
        set { isTrusted = newValue }
    }

    var isUpstream: Bool {
        switch phase {
        case .connecting, .opening, .idle, .leased, .held: true
        case .introducing, .shaking, .waiting, .readingHead, .exchanging, .lingering, .evicted: false
        }
    }

    /// To an origin, and not usable yet.
    var isBeingOpened: Bool { phase == .connecting || phase == .opening }

    // What is asked most, so that it is said once what it means. That something may be read is a hint: a read may find
    // nothing. `mayBeRead` is asked before a read whose failure is to be heard, `mayHaveMore` where a broken link is dealt
    // with elsewhere.

    /// Bytes may be waiting.
    var isReadable: Bool { link.isReadable }
    /// The peer has ended its direction, or will have when what it has sent is read.
    var peerClosed: Bool { link.peerClosed }
    /// Reset, refused, or closed in both directions.
    var isBroken: Bool { link.isBroken }
    /// A read would find something: bytes, the peer's end, or why the link is broken.
    var mayBeRead: Bool { link.mayBeRead }
    /// There may be bytes to come, or the peer's end.
    var mayHaveMore: Bool { link.isReadable || link.peerClosed }
    /// Bytes wait here that the socket did not take.
    var hasUnsent: Bool { !output.isEmpty || link.hasUnsent }
    /// Nothing is under way in either direction, and nobody has ended it.
    var isAtRest: Bool { input.isEmpty && !hasUnsent && !link.mayBeRead }
}
