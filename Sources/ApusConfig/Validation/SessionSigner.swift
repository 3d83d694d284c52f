public import ApusAddresses
import ApusModel
import Crypto

/// Makes what a sticky cookie says for an endpoint: a signature of the endpoint's name, which tells nothing about it and
/// which nobody without the secret can make.
public struct SessionSigner: Sendable, CustomReflectable {
    let secret: SymmetricKey

    /// Shows nothing.
    public var customMirror: Mirror { Mirror(self, children: []) }

    /// Six bits each: 132 bits of the signature, above the 128 that RFC 2104 section 5 asks to be kept of one.
    static let tokenLength = 22

    /// HMAC-SHA256 (RFC 2104) of the pool's name, a zero byte and the endpoint's address, in base64url
    /// (RFC 4648 section 5).
    ///
    /// An address is signed in its one canonical form, a name as it was configured (each of several addresses of a name like
    /// one that was configured): balancers that share a secret and a
    /// pool agree, however the address is written and whatever the name stands for today.
    func token(pool: String, endpoint: Authority) -> [UInt8] {
        token(pool: pool, canonicalEndpoint: endpoint.canonicalText)
    }

    /// The token of an endpoint that is known by its address, such as one that was added while running: what the same
    /// address in a configuration would get.
    public func token(pool: String, address: SocketAddress) -> [UInt8] {
        token(pool: pool, canonicalEndpoint: address.description)
    }

    private func token(pool: String, canonicalEndpoint: String) -> [UInt8] {
        var message = Array(pool.utf8)
        message.append(0)
        message += Array(canonicalEndpoint.utf8)
        let code = HMAC<SHA256>.authenticationCode(for: message, using: secret)
        return Array(Self.base64URL(Array(code)).prefix(Self.tokenLength))
    }

    private static let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_".utf8)

    /// Without padding; a rest of bits that fills no digit is left out.
    private static func base64URL(_ bytes: [UInt8]) -> [UInt8] {
        var text: [UInt8] = []
        var bits = 0
        var count = 0
        for byte in bytes {
            bits = (bits << 8 | Int(byte)) & 0xffff
            count += 8
            while count >= 6 {
                count -= 6
                text.append(alphabet[bits >> count & 63])
            }
        }
        return text
    }
}

extension Authority {
    /// One text for all ways to write the same host and port.
    var canonicalText: String {
        switch host {
        case .all: ":\(port)"
        case .address(let ip): SocketAddress(ip: ip, port: port).description
        case .name(let name): "\(name):\(port)"
        }
    }
}
