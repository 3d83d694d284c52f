import ApusConfig
import Crypto
import FoundationEssentials
import Glibc

/// A file that is there as a whole or not at all, whenever the process or the machine dies.
///
/// It is written beside its place, brought to the disk, and renamed; its first line has a digest of the rest, so that one
/// that was cut short, or changed by hand, is recognised. Only its owner may read it.
struct DurableFile {
    let path: String

    enum Failure: Error, Equatable, CustomStringConvertible {
        case system(call: String, path: String, errno: Int32)
        /// It is no plain file, or too large, or not for this user.
        case unreadable(path: String, reason: String)
        /// Its first line is no digest of the rest.
        case damaged(path: String)
        /// It was not put in its place, since that came too late.
        case obsolete(path: String)

        var description: String {
            switch self {
            case .system(let call, let path, let errno): "\(path): \(systemErrorText(errno)) (\(call))"
            case .unreadable(let path, let reason): "\(path): \(reason)"
            case .obsolete(let path): "\(path): it took too long"
            case .damaged(let path): "\(path) was not written to its end, or was changed since"
            }
        }
    }

    /// A revision has as much as configurations have together, and the escapes of JSON.
    static let longest = 256 << 20
    private static let magic = "apus-state 1 sha256 "
    /// How names of files that are being written begin: what is left of them was not written to its end.
    static let temporaryPrefix = ".writing-"

    /// The contents; nil when there is no such file.
    ///
    /// - Parameter most: what is longer is not read.
    func read(atMost most: Int = longest) throws(Failure) -> [UInt8]? {
        let bytes: [UInt8]
        do throws(FileSystem.ReadError) {
            bytes = try FileSystem.bytes(of: path, FileRules(bytes: most, takesStreams: false))
        } catch {
            guard FileManager.default.fileExists(atPath: path) else { return nil }
            throw .unreadable(path: path, reason: error.description)
        }
        guard let lineEnd = bytes.firstIndex(of: UInt8(ascii: "\n")) else { throw .damaged(path: path) }
        let body = bytes[(lineEnd + 1)...]
        guard String(decoding: bytes[..<lineEnd], as: UTF8.self) == Self.firstLine(of: body) else {
            throw .damaged(path: path)
        }
        return Array(body)
    }

    /// Puts a file with these contents in its place.
    ///
    /// - Parameter isObsolete: whether what stands there must stay; asked last, when the contents are on the disk.
    func write(_ body: [UInt8], unless isObsolete: () -> Bool = { false }) throws(Failure) {
        let bytes = Array(Self.firstLine(of: body[...]).utf8) + [UInt8(ascii: "\n")] + body
        let (directory, name) = parts
        let temporary = "\(directory)/\(Self.temporaryPrefix)\(getpid())-\(name)"
        do throws(Failure) {
            try Self.write(bytes, to: temporary)
            guard !isObsolete() else { throw .obsolete(path: path) }
            // SAFETY: the call reads two strings that live until it returns.
            guard unsafe rename(temporary, path) == 0 else {
                throw Failure.system(call: "rename", path: path, errno: errno)
            }
        } catch {
            _ = unsafe unlink(temporary)
            // It is this file that is not there, whatever the other is called.
            guard case .system(let call, temporary, let errno) = error else { throw error }
            throw .system(call: call, path: path, errno: errno)
        }
        try Self.sync(directory: directory)
    }

    /// Removes it; that it is not there is no error.
    func remove() throws(Failure) {
        guard unsafe unlink(path) == 0 || errno == ENOENT else {
            throw .system(call: "unlink", path: path, errno: errno)
        }
    }

    private var parts: (directory: Substring, name: Substring) {
        let slash = path.lastIndex(of: "/") ?? path.startIndex
        return (path[..<slash], path[path.index(after: slash)...])
    }

    private static func firstLine(of body: ArraySlice<UInt8>) -> String {
        magic + SHA256.hash(data: body).hexadecimal
    }

    private static func write(_ bytes: [UInt8], to path: String) throws(Failure) {
        // What a process of the same number left behind.
        _ = unsafe unlink(path)
        let descriptor = unsafe open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0o600)
        guard descriptor >= 0 else { throw .system(call: "open", path: path, errno: errno) }
        defer { close(descriptor) }
        var written = 0
        while written < bytes.count {
            // SAFETY: the pointer is used within the closure, for no more bytes than there are.
            let count = unsafe bytes[written...].withUnsafeBytes {
                unsafe Glibc.write(descriptor, $0.baseAddress, $0.count)
            }
            if count < 0, errno == EINTR { continue }
            guard count >= 0 else { throw .system(call: "write", path: path, errno: errno) }
            written += count
        }
        guard fsync(descriptor) == 0 else { throw .system(call: "fsync", path: path, errno: errno) }
    }

    /// A rename is on the disk when its directory is (fsync(2)).
    private static func sync(directory: Substring) throws(Failure) {
        let path = directory.isEmpty ? "/" : String(directory)
        let descriptor = unsafe open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard descriptor >= 0 else { throw .system(call: "open", path: path, errno: errno) }
        defer { close(descriptor) }
        guard fsync(descriptor) == 0 else { throw .system(call: "fsync", path: path, errno: errno) }
    }
}
