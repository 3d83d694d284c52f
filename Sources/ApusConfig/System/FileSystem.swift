import FoundationEssentials
import Glibc

/// The files of this machine, as a loader reads them.
public enum FileSystem {
    /// Why a file could not be read, for people.
    public struct ReadError: Error, Sendable, Hashable, CustomStringConvertible {
        public var description: String

        public init(_ description: String) { self.description = description }
    }

    /// The text of a file, which is UTF-8: of a pipe too, and of the files of /proc, which have no size.
    public static func read(_ path: String) throws(ReadError) -> String {
        guard let text = String(validating: try bytes(of: path), as: UTF8.self) else {
            throw ReadError("it is not UTF-8 text")
        }
        return text
    }

    private static func bytes(of path: String) throws(ReadError) -> [UInt8] {
        // SAFETY: the call reads a string that lives until it returns.
        let descriptor = unsafe open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw ReadError(reason(errno, "file")) }
        defer { close(descriptor) }
        var bytes: [UInt8] = []
        var piece: [UInt8] = Array(repeating: 0, count: 64 << 10)
        while true {
            // SAFETY: the pointer is used within the closure, for no more bytes than there are.
            let count = unsafe piece.withUnsafeMutableBytes { piece in
                unsafe Glibc.read(descriptor, piece.baseAddress, piece.count)
            }
            if count < 0, errno == EINTR { continue }
            guard count >= 0 else { throw ReadError(reason(errno, "file")) }
            if count == 0 { return bytes }
            bytes += piece[..<count]
        }
    }

    /// The names of the files in a directory, in no order.
    public static func names(in directory: String) throws(ReadError) -> [String] {
        do {
            return try FileManager.default.contentsOfDirectory(atPath: directory.isEmpty ? "." : directory)
        } catch {
            throw ReadError(reason(Self.number(of: error), "directory"))
        }
    }

    /// Why a directory cannot be read as a file.
    static let isDirectory = "it is a directory"

    /// The system's number of an error of Foundation's; 0 where it has none.
    private static func number(of error: any Error) -> Int32 {
        guard let error = error as? CocoaError else { return 0 }
        if let code = (error.underlying as? POSIXError)?.code { return code.rawValue }
        return switch error.code {
        case .fileReadNoSuchFile, .fileNoSuchFile: ENOENT
        case .fileReadNoPermission: EACCES
        default: 0
        }
    }

    private static func reason(_ errno: Int32, _ what: String) -> String {
        switch errno {
        case ENOENT: "there is no such \(what)"
        case EACCES, EPERM: "this user may not read it"
        case EISDIR: isDirectory
        case ENOTDIR: "a part of its path is no directory"
        case ELOOP: "its links lead in a circle"
        case 0: "it cannot be read"
        default: unsafe String(cString: strerror(errno))
        }
    }
}
