public import ApusModel
internal import CNIOBoringSSL
import Synchronization

/// The keys of session tickets: one set for all loops, for what a reload brings, and for a successor (RFC 5077 section 4,
/// RFC 8446 section 4.6.1).
///
/// Tickets are sealed with the first key and opened with any. Behind the first stands the one whose turn comes next, so that
/// others who share the keys know it before a ticket is sealed with it.
@safe
public final class TicketKeys: SharedTicketKeys.Holder, Sendable {
    /// A key: the name that its tickets begin with, and the secret that they are sealed with (AES-256-GCM).
    public struct Key: Sendable, Equatable {
        public static let nameCount = 16
        public static let secretCount = 32
        let name: [UInt8]
        let secret: [UInt8]

        /// - Parameter bytes: the name and the secret, 48 together; nil for another count.
        public init?(_ bytes: [UInt8]) {
            guard bytes.count == Self.nameCount + Self.secretCount else { return nil }
            name = Array(bytes[..<Self.nameCount])
            secret = Array(bytes[Self.nameCount...])
        }

        private init(name: [UInt8], secret: [UInt8]) {
            self.name = name
            self.secret = secret
        }

        /// A new one.
        public static func random() -> Key {
            Key(name: randomBytes(nameCount), secret: randomBytes(secretCount))
        }

        /// As `init` reads it.
        public var bytes: [UInt8] { name + secret }
    }

    private let keys: Mutex<[Key]>

    /// - Parameter keys: none for new ones.
    public init(_ keys: [Key] = []) { self.keys = Mutex(keys.isEmpty ? [.random(), .random()] : keys) }

    /// Keys of a file, one a line: 48 bytes in base64, as `openssl rand -base64 48` makes them. Tickets are sealed with the first, and
    /// opened with any.
    ///
    /// - Throws: the number of the first line, from 1, that is no key; 0 where there is none.
    public convenience init(lines text: [UInt8]) throws(BadTicketKey) {
        var keys: [Key] = []
        for (number, line) in text.split(separator: 0x0a, omittingEmptySubsequences: false).enumerated() {
            let line = line.filter { $0 != 0x0d && $0 != 0x20 }
            if line.isEmpty || line.first == UInt8(ascii: "#") { continue }
            guard let bytes = unbase64(line), let key = Key(bytes) else { throw BadTicketKey(line: number + 1) }
            keys.append(key)
        }
        guard !keys.isEmpty else { throw BadTicketKey(line: 0) }
        self.init(keys)
    }

    /// What a configuration says of them.
    public func described(file: String) -> SharedTicketKeys {
        let all = all
        return SharedTicketKeys(file: file, count: all.count, digest: sha256(all.flatMap(\.bytes)), held: self)
    }

    public var all: [Key] { keys.withLock { $0 } }

    /// Goes over to other keys; to none of none.
    public func replace(with new: [Key]) {
        if !new.isEmpty { keys.withLock { $0 = new } }
    }

    /// Has the next key take its turn, and makes one for the turn after it.
    ///
    /// - Parameter count: keys that are kept at most, the sealing one and the next among them.
    public func rotate(keeping count: Int) {
        keys.withLock { keys in
            let next = keys.count > 1 ? keys.remove(at: 1) : .random()
            keys.insert(contentsOf: [next, .random()], at: 0)
            keys.removeLast(max(0, keys.count - max(count, 2)))
        }
    }

    // MARK: - Tickets

    private static let nonceCount = 12
    private static let tagCount = 16
    /// Bytes that sealing adds.
    static let overhead = Key.nameCount + nonceCount + tagCount

    /// - Parameter bound: what must be the same when it is opened.
    /// - Returns: the ticket: the key's name, a nonce, and what was sealed; nil when it can't be.
    func seal(_ session: UnsafeBufferPointer<UInt8>, to bound: [UInt8] = []) -> [UInt8]? {
        guard let key = keys.withLock({ $0.first }) else { return nil }
        let nonce = randomBytes(Self.nonceCount)
        let known = key.name + bound
        var sealed = [UInt8](repeating: 0, count: session.count + Self.tagCount)
        var count = 0
        let isSealed = unsafe Self.withAEAD(key) { aead in
            unsafe EVP_AEAD_CTX_seal(
                aead, &sealed, &count, sealed.count, nonce, nonce.count, session.baseAddress, session.count, known,
                known.count) == 1
        }
        return isSealed ? key.name + nonce + sealed.prefix(count) : nil
    }

    /// - Returns: nil for a ticket of a key that is gone, or of none.
    func open(_ ticket: UnsafeBufferPointer<UInt8>, bound: [UInt8] = []) -> [UInt8]? {
        guard ticket.count > Self.overhead else { return nil }
        let name = unsafe Array(ticket[..<Key.nameCount])
        guard let key = keys.withLock({ keys in keys.first { $0.name == name } }) else { return nil }
        let nonce = unsafe Array(ticket[Key.nameCount..<Key.nameCount + Self.nonceCount])
        let sealed = unsafe Array(ticket[(Key.nameCount + Self.nonceCount)...])
        let known = name + bound
        var opened = [UInt8](repeating: 0, count: sealed.count)
        var count = 0
        let isOpened = unsafe Self.withAEAD(key) { aead in
            unsafe EVP_AEAD_CTX_open(
                aead, &opened, &count, opened.count, nonce, nonce.count, sealed, sealed.count, known, known.count) == 1
        }
        if !isOpened { ERR_clear_error() }
        return isOpened ? Array(opened.prefix(count)) : nil
    }

    private static func withAEAD(_ key: Key, _ body: (UnsafeMutablePointer<EVP_AEAD_CTX>) -> Bool) -> Bool {
        guard let aead = unsafe EVP_AEAD_CTX_new(EVP_aead_aes_256_gcm(), key.secret, key.secret.count, tagCount) else {
            return false
        }
        defer { unsafe EVP_AEAD_CTX_free(aead) }
        return unsafe body(aead)
    }
}

/// A line of a file of ticket keys that is none, from 1; 0 where there is no line.
public struct BadTicketKey: Error, Sendable, Equatable {
    public let line: Int
}

private func unbase64(_ text: [UInt8]) -> [UInt8]? {
    var bytes = [UInt8](repeating: 0, count: text.count)
    var count = 0
    guard unsafe EVP_DecodeBase64(&bytes, &count, bytes.count, text, text.count) == 1 else { return nil }
    return Array(bytes.prefix(count))
}

/// Bytes that nobody can guess.
func randomBytes(_ count: Int) -> [UInt8] {
    var bytes = [UInt8](repeating: 0, count: count)
    unsafe RAND_bytes(&bytes, count)
    return bytes
}
