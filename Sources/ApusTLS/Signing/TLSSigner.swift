/// Proves in a handshake that a certificate's key is at hand, where the key is not in this process: in a hardware module, or at
/// another machine.
///
/// Handshakes wait for it one by one; whoever is connected goes on. Their deadline holds for it, too.
public protocol TLSSigner: Sendable {
    /// The kind of its key, and how many bits that has.
    var keyKind: TLSCertificate.KeyKind { get }
    var keyBits: Int { get }

    /// Begins to sign a message; called by an event loop, which must not wait.
    ///
    /// - Parameters:
    ///   - message: what is to be signed, and not a hash of it.
    ///   - algorithm: how, as TLS 1.3 numbers it (RFC 8446 section 4.2.3); with ECDSA in TLS 1.2 it names the hash alone.
    ///   - answer: takes the signature, in the form of the protocol, or nil when there is none to be had; to be called once, by
    ///     any thread.
    func sign(_ message: [UInt8], by algorithm: UInt16, _ answer: @escaping @Sendable ([UInt8]?) -> Void)
}
