/// What stands between the sockets and the bytes of some links: TLS. One per event loop, used by its thread alone.
///
/// It has no descriptor and makes no system call: `Links` gives it what was received, and sends what it leaves, both in
/// `flow`. An engine is named by a number, which its link keeps. So the data plane is built and tested without a library for
/// TLS, and a test can put something simpler in its place.
///
/// Results are as those of system calls: 0 or more, or minus an errno. -EAGAIN: more must be received first; -EINPROGRESS: a
/// handshake waits for something else (a signature that is made elsewhere); -EPROTO: the peer broke the protocol, or refused
/// (`fault` says how); -ENOMEM.
public protocol LinkEngines: AnyObject {
    /// What passes between the engines and the sockets, set before a call and read after it. Its address stays.
    var flow: UnsafeMutablePointer<EngineFlow> { get }

    /// Why an engine gave up last.
    var fault: LinkFault { get }

    /// An engine for a link that has just been accepted, or is being connected.
    ///
    /// - Parameters:
    ///   - context: what it is made from, by the number that the caller's configuration gave it.
    ///   - peer: whom it is for, by its number, where it is this side's to begin; -1 for a client's.
    /// - Returns: the engine, or minus an errno.
    func make(from context: Int32, to peer: Int32) -> Int

    /// The link is gone.
    func free(_ engine: Int32)

    /// Has whom a handshake is for go on with it, by its token: from any thread.
    var wake: (@Sendable (UInt64) -> Void)? { get set }

    /// Goes on with the handshake.
    ///
    /// - Parameter token: whom `wake` is to name, where it has to wait for something else than the peer.
    /// - Returns: 0 when it is done; -EINPROGRESS when it waits for something else.
    func handshake(_ engine: Int32, waking token: UInt64) -> Int

    /// Whether the handshake has resumed a session.
    func isResumed(_ engine: Int32) -> Bool

    /// Who the peer is that the handshake was made with; nil for one that has shown no certificate.
    func identity(_ engine: Int32) -> LinkIdentity?

    /// Whether the handshake has agreed on TLS 1.2.
    func isOfTLS12(_ engine: Int32) -> Bool

    /// What a client whose handshake has failed had said of itself until then.
    func claim(_ engine: Int32) -> LinkClaim

    /// What the handshake has agreed on.
    func terms(_ engine: Int32) -> LinkTerms

    /// Which of its context's rules the engine's handshake was made by.
    func policy(_ engine: Int32) -> Int

    /// Which of them a request for a host is held to; nil for no host.
    func policy(_ engine: Int32, ofHost name: String?) -> Int

    /// Bytes to receive at most, if there is room for so many bytes of what they hold.
    func appetite(_ engine: Int32, room: Int) -> Int

    /// Opens what was received.
    ///
    /// - Returns: how many bytes were written; 0 when the peer has ended its direction properly.
    func open(_ engine: Int32, into bytes: UnsafeMutableRawPointer, room: Int) -> Int

    /// Seals bytes to be sent.
    ///
    /// - Returns: how many were taken: all, or as many as there was room for in `flow`.
    func seal(_ engine: Int32, _ bytes: UnsafeRawPointer, _ count: Int) -> Int

    /// Seals the end of this side's direction.
    func finish(_ engine: Int32)

    /// Whether the next `open` has something to say without further input: that the peer has ended its direction, or broke the
    /// protocol.
    func hasMore(_ engine: Int32) -> Bool

    /// Whether the peer has ended its direction properly, and all that it sent before was given out.
    func hasEnded(_ engine: Int32) -> Bool
}

/// What a client says of itself in a handshake, true or not.
public struct LinkClaim: Sendable, Hashable {
    /// The name that it asks for; nil for none.
    public var serverName: String?
    /// Who it is by the certificate that it has shown; nil for none.
    public var certificate: String?

    public init(serverName: String? = nil, certificate: String? = nil) {
        self.serverName = serverName
        self.certificate = certificate
    }
}

/// What a handshake has agreed on with a client.
public struct LinkTerms: Sendable, Hashable {
    /// The name that it asked for; nil for none.
    public var serverName: String?
    /// The version of the protocol, and the cipher suite, as OpenSSL calls them.
    public var version: String
    public var cipher: String

    public init(serverName: String?, version: String, cipher: String) {
        self.serverName = serverName
        self.version = version
        self.cipher = cipher
    }
}

/// Bytes on their way between the sockets and the engines.
@frozen @unsafe
public struct EngineFlow {
    /// What was received, and how much of it is left.
    public var received: UnsafePointer<UInt8>
    public var receivedCount = 0
    /// What is to be sent: so many bytes of room, so many of them written.
    public let sealed: UnsafeMutablePointer<UInt8>
    public let sealedCapacity: Int
    public var sealedCount = 0
    /// Bytes that were asked for when nothing was left of what was received.
    public var wanted = 0

    /// Whether a record of so many bytes surely fits in.
    func hasRoom(for count: Int) -> Bool { unsafe sealedCapacity - sealedCount >= count + 1_024 }

    public init(sealed: UnsafeMutablePointer<UInt8>, capacity: Int) {
        unsafe received = UnsafePointer(sealed)
        unsafe self.sealed = sealed
        unsafe sealedCapacity = capacity
    }
}
