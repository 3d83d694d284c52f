import ApusAddresses
import ApusModel

/// What the old and the new process say to one another in an upgrade, as the bytes of one message each: a letter, and
/// what belongs to it.
///
/// The two are different versions of Apus. So what is here never changes its meaning, `begin` says which words follow,
/// and whoever does not know them declines.
enum UpgradeMessage: Equatable {
    // From the old process.

    /// What will follow: so many listening sockets, so many bytes of state.
    case begin(version: Int, revision: UInt64, sockets: Int, stateBytes: Int)
    /// The addresses of the sockets that come with this message, in their order.
    case sockets([SocketAddress])
    /// The next part of the state.
    case state(ArraySlice<UInt8>)

    // From the new one.

    /// It serves.
    case ready
    /// It will not, and why.
    case failed(String)

    /// The version of these words.
    static let version = 1
    /// How long a message may be.
    static let longest = 32 << 10
    /// How many descriptors may come with one.
    static let mostSockets = 64
    /// How long the words of `failed` may be; what is longer is cut.
    static let longestWords = 16 << 10

    var bytes: [UInt8] {
        switch self {
        case .begin(let version, let revision, let sockets, let stateBytes):
            Array("B\(version) \(revision) \(sockets) \(stateBytes)".utf8)
        case .sockets(let addresses):
            Array("L\(addresses.map(\.description).joined(separator: "\n"))".utf8)
        case .state(let part): [UInt8(ascii: "S")] + part
        case .ready: [UInt8(ascii: "R")]
        case .failed(let words): [UInt8(ascii: "F")] + words.utf8.prefix(Self.longestWords)
        }
    }

    /// Nil for bytes that mean nothing.
    init?(_ bytes: ArraySlice<UInt8>) {
        guard let letter = bytes.first else { return nil }
        let rest = bytes.dropFirst()
        switch letter {
        case UInt8(ascii: "B"):
            // A later version may say more behind these four.
            let numbers = rest.split(separator: UInt8(ascii: " ")).map { UInt64(String(decoding: $0, as: UTF8.self)) }
            guard numbers.count >= 4, let version = numbers[0].flatMap(Int.init(exactly:)), let revision = numbers[1],
                let sockets = numbers[2].flatMap(Int.init(exactly:)),
                let stateBytes = numbers[3].flatMap(Int.init(exactly:))
            else { return nil }
            self = .begin(version: version, revision: revision, sockets: sockets, stateBytes: stateBytes)
        case UInt8(ascii: "L"):
            let addresses = rest.split(separator: UInt8(ascii: "\n")).map {
                SocketAddress(String(decoding: $0, as: UTF8.self))
            }
            guard !addresses.contains(nil) else { return nil }
            self = .sockets(addresses.compactMap(\.self))
        case UInt8(ascii: "S"): self = .state(rest)
        case UInt8(ascii: "R"): self = .ready
        case UInt8(ascii: "F"): self = .failed(String(decoding: rest, as: UTF8.self))
        default: return nil
        }
    }
}
