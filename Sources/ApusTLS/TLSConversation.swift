public import ApusAddresses
public import ApusModel
import ApusTransport
import Glibc

/// One TLS connection, for those who have bytes instead of links: the probes, the admin server, and what asks it.
///
/// It makes no system call: what it is to send is in `sealed`, to be taken away.
public final class TLSConversation {
    public enum State: Sendable, Equatable {
        case shaking
        case open
        /// The peer has ended its direction properly.
        case ended
        case failed(HandshakeFault)
    }

    public private(set) var state = State.shaking
    /// What is to be sent.
    public private(set) var sealed: [UInt8] = []
    private let engines = TLSEngines(sealedCapacity: 64 << 10)
    private let engine: Int32

    /// - Parameters:
    ///   - rules: those of the pool.
    ///   - name: the endpoint's host name or address, where the rules give none.
    ///   - address: where it is.
    public init(_ rules: PoolTLS, to name: String, at address: SocketAddress) throws(TLSFailure) {
        let peer = TLSPeer(rules.name ?? name, at: address)
        engines.use([try TLSContext(rules)], peers: [peer])
        let made = engines.make(from: 0, to: 0)
        guard made >= 0 else { throw .noMemory }
        engine = Int32(made)
        take([])
    }

    /// With a client.
    ///
    /// - Parameter context: that of the listener that it came by.
    public init(serving context: TLSContext) throws(TLSFailure) {
        engines.use([context])
        let made = engines.make(from: 0, to: 0)
        guard made >= 0 else { throw .noMemory }
        engine = Int32(made)
    }

    deinit { engines.free(engine) }

    /// The names of the client's certificate, as `LinkIdentity` has them; nil where none was verified.
    public var clientNames: [String]? { engines.identity(engine)?.names }

    /// SHA-256 of the certificate that the peer has shown, which it has the key to once the conversation is open; nil for none.
    public var peerFingerprint: [UInt8]? { engines.peerFingerprint(engine) }

    /// Takes what has come.
    ///
    /// - Returns: what it says, opened.
    @discardableResult
    public func take(_ bytes: [UInt8]) -> [UInt8] {
        unsafe engines.flow.pointee.wanted = 0
        return unsafe bytes.withUnsafeBufferPointer { bytes in
            if let start = bytes.baseAddress { unsafe engines.flow.pointee.received = start }
            unsafe engines.flow.pointee.receivedCount = bytes.count
            let opened = takeReceived()
            collect()
            return opened
        }
    }

    private func takeReceived() -> [UInt8] {
        if state == .shaking {
            let result = engines.handshake(engine, waking: 0)
            guard result == 0 else {
                if result == -Int(ECONNRESET) { state = .failed(.left) } else if result != -Int(EAGAIN) { fail() }
                return []
            }
            state = .open
        }
        guard state == .open else { return [] }
        var opened: [UInt8] = []
        var piece = [UInt8](repeating: 0, count: 16 << 10)
        while true {
            let count = unsafe piece.withUnsafeMutableBytes { piece in
                guard let start = piece.baseAddress else { return 0 }
                return unsafe engines.open(engine, into: start, room: piece.count)
            }
            guard count > 0 else {
                if count == 0 { state = .ended } else if count != -Int(EAGAIN) { fail() }
                return opened
            }
            opened += piece[..<count]
        }
    }

    /// Seals what is to be said, once it is open: also to a peer that says no more itself.
    public func say(_ bytes: [UInt8]) {
        var said = 0
        unsafe bytes.withUnsafeBytes { bytes in
            guard let start = bytes.baseAddress else { return }
            while said < bytes.count, state == .open || state == .ended {
                let count = unsafe engines.seal(engine, start + said, bytes.count - said)
                guard count > 0 else { return fail() }
                said += count
                collect()
            }
        }
    }

    /// Seals the end of what is said (RFC 8446 section 6.1).
    public func finish() {
        engines.finish(engine)
        collect()
    }

    /// What is to be sent, which is gone then.
    public func takeSealed() -> [UInt8] {
        defer { sealed = [] }
        return sealed
    }

    private func collect() {
        let count = unsafe engines.flow.pointee.sealedCount
        unsafe sealed += UnsafeBufferPointer(start: engines.flow.pointee.sealed, count: count)
        unsafe engines.flow.pointee.sealedCount = 0
    }

    private func fail() { state = .failed(HandshakeFault(engines.failure)) }
}

extension HandshakeFault {
    init(_ failure: TLSFailure) {
        switch failure {
        case .badCertificate(let fault): self = .certificate(fault)
        case .refused(let alert): self = .refused(alert: alert)
        case .nothingInCommon: self = .nothingInCommon
        case .isPlainHTTP: self = .plainHTTP
        case .isNoTLS: self = .noTLS
        case .unknownName: self = .unknownName
        case .unknownProtocol: self = .unknownProtocol
        case .none, .noMemory, .unusable, .brokeProtocol: self = .broken
        }
    }
}
