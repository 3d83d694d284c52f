/// Why a script could not go on.
public enum KitError: Error, CustomStringConvertible {
    /// The deadline passed before this was done.
    case timedOut(String, received: [UInt8] = [])
    /// The peer closed or broke the connection where more was expected.
    case ended(Connection.Ending, while: String, received: [UInt8] = [])
    /// Sending failed: the peer has closed or broken the connection.
    case peerGone
    /// What was received is not HTTP/1 as the RFCs have it.
    case malformed(String, received: [UInt8] = [])
    case system(call: String, errno: Int32)

    public var description: String {
        switch self {
        case .timedOut(let what, let received): "deadline passed while \(what); received \(Self.beginning(received))"
        case .ended(let ending, let what, let received):
            "\(ending) by the peer while \(what); received \(Self.beginning(received))"
        case .peerGone: "the peer has closed or broken the connection"
        case .malformed(let what, let received): "\(what) in \(Self.beginning(received))"
        case .system(let call, let errno): "\(call) failed with errno \(errno)"
        }
    }

    /// What is read of a body of megabytes.
    private static func beginning(_ bytes: [UInt8]) -> String {
        bytes.count <= 2_000 ? printable(bytes) : "\(printable(bytes.prefix(2_000))) and so on, \(bytes.count) bytes"
    }
}

/// `bytes` as text in which every byte can be told apart: `\r`, `\n`, `\x00`.
public func printable(_ bytes: some Sequence<UInt8>) -> String {
    var text = "\""
    for byte in bytes {
        switch byte {
        case 0x0d: text += "\\r"
        case 0x0a: text += "\\n"
        case UInt8(ascii: "\""), UInt8(ascii: "\\"): text += "\\" + String(UnicodeScalar(byte))
        case 0x20...0x7e: text.unicodeScalars.append(UnicodeScalar(byte))
        default: text += "\\x" + (byte < 16 ? "0" : "") + String(byte, radix: 16)
        }
    }
    return text + "\""
}
