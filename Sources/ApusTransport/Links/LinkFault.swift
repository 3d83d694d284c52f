/// Why an engine gave up, in words that need no library.
@frozen
public struct LinkFault: Sendable, Equatable, BitwiseCopyable {
    @frozen
    public enum Kind: UInt8, Sendable, BitwiseCopyable {
        case none
        /// The peer's certificate is not good; `detail` says why, in the numbers of who made the engine.
        case certificate
        /// The peer has refused; `detail` is its alert.
        case refused
        case nothingInCommon
        /// The client asked for a name that none of the certificates is for, or for a protocol that is not spoken.
        case unknownName, unknownProtocol
        /// The first bytes are a request in plain HTTP, a header of the PROXY protocol, or nothing that the engine knows.
        case plainHTTP, proxyHeader, noTLS
        /// The peer broke the protocol.
        case broken
        case memory
    }

    public let kind: Kind
    public let detail: UInt8

    public init(_ kind: Kind, detail: UInt8 = 0) {
        self.kind = kind
        self.detail = detail
    }
}
