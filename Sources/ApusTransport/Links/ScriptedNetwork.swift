/// A network and its clocks in memory, which a test scripts: what `Links` asks instead of the system.
///
/// Each requirement stands for the system call that `Links` would make, and answers as the system does: with zero or more,
/// or with minus an errno. Descriptors are the script's own numbers, and it does well to choose some that no process has.
/// Used by one thread.
public protocol ScriptedNetwork: AnyObject {
    /// The clock of the loop, in microseconds.
    var monotonicMicroseconds: Int64 { get }
    /// Microseconds since 1970.
    var wallClockMicroseconds: Int64 { get }

    /// Goes on to the next events, but not beyond so many milliseconds (-1: for ever).
    ///
    /// - Returns: at most `capacity` events.
    func wait(milliseconds: Int32, capacity: Int) -> [Poller.Event]

    /// Reports what happens to a descriptor: each change once, or what is readable at each wait (`isLevel`).
    func register(_ descriptor: Int32, token: UInt64, isLevel: Bool) -> Int

    func unregister(_ descriptor: Int32)

    /// The next connection that waits at a listening socket.
    func accept(from listener: Int32, peer: inout WireAddress) -> Int

    /// How many wait there.
    func acceptQueueLength(_ listener: Int32) -> Int

    /// A socket that begins to connect.
    func connect(to address: WireAddress) -> Int

    /// Whether this machine has an address from which it could reach that one.
    func reaches(_ address: WireAddress) -> Bool

    func localAddress(_ descriptor: Int32) -> WireAddress

    /// Why a socket broke, as an errno; reading it clears it.
    func pendingError(_ descriptor: Int32) -> Int32

    /// For how many milliseconds the peer has acknowledged nothing, although something was sent more than once; -1 when all
    /// is acknowledged, or may yet be.
    func silence(_ descriptor: Int32) -> Int32

    func receive(from descriptor: Int32, into bytes: inout MutableSpan<UInt8>) -> Int

    func send(_ bytes: Span<UInt8>, to descriptor: Int32) -> Int

    /// Ends the sending direction with FIN.
    func shutdownWriting(_ descriptor: Int32)

    /// Has the close of a socket, which follows, send RST.
    func resetOnClose(_ descriptor: Int32)

    func close(_ descriptor: Int32)

    /// The two ends of a new pipe; nil when there are no descriptors.
    func makePipe() -> (readEnd: Int32, writeEnd: Int32)?

    /// Moves bytes between a socket and a pipe.
    func splice(from source: Int32, to target: Int32, _ count: Int) -> Int

    /// A descriptor that stands for nothing but itself.
    func openSpareDescriptor() -> Int
}
