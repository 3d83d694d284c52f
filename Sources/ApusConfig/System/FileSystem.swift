import FoundationEssentials
import Glibc

/// The files of this machine, as a loader reads them: never waiting for what may never come.
public enum FileSystem {
    /// Why a file could not be read, for people.
    public struct ReadError: Error, Sendable, Hashable, CustomStringConvertible {
        public var description: String

        public init(_ description: String) { self.description = description }
    }

    /// The text of a file, which is UTF-8: of a pipe too, and of the files of /proc, which have no size.
    public static func read(
        _ path: String, _ rules: FileRules = .configuration
    ) throws(ReadError) -> String {
        guard let text = String(validating: try bytes(of: path, rules), as: UTF8.self) else {
            throw ReadError("it is not UTF-8 text")
        }
        return text
    }

    /// The contents of a file, as far as the rules allow.
    public static func bytes(of path: String, _ rules: FileRules) throws(ReadError) -> [UInt8] {
        // A pipe that nobody has opened for writing, and a terminal, would make a plain open wait, or become ours.
        // SAFETY: the call reads a string that lives until it returns.
        let descriptor = unsafe open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY)
        guard descriptor >= 0 else { throw ReadError(reason(errno, "file")) }
        defer { close(descriptor) }
        if let refusal = rules.refusal {
            guard let real = realPath(of: descriptor) else { throw ReadError("it cannot be told where it lies") }
            if let words = refusal(real) { throw ReadError(words) }
        }
        var reading = FileReading(descriptor, rules)
        return try reading.bytes(FileKind(of: descriptor))
    }

    /// The names of the files in a directory, in no order.
    public static func names(in directory: String) throws(ReadError) -> [String] {
        do {
            return try FileManager.default.contentsOfDirectory(atPath: directory.isEmpty ? "." : directory)
        } catch {
            throw ReadError(reason(Self.number(of: error), "directory"))
        }
    }

    /// Where a path leads once every link is followed; nil when it leads nowhere.
    static func realPath(of path: String) -> String? {
        // SAFETY: the call reads a string that lives until it returns, and gives one that is freed here.
        guard let real = unsafe realpath(path, nil) else { return nil }
        defer { unsafe free(real) }
        return unsafe String(cString: real)
    }

    /// Where the open file of a descriptor lies.
    private static func realPath(of descriptor: Int32) -> String? {
        try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/fd/\(descriptor)")
    }

    /// What stands at a path, a link itself rather than what it leads to; nil for nothing.
    static func kind(ofEntry path: String) -> FileKind? {
        var status = stat()
        // SAFETY: the string and the structure outlive the call.
        guard unsafe lstat(path, &status) == 0 else { return nil }
        return FileKind(status)
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

    static func reason(_ errno: Int32, _ what: String) -> String {
        switch errno {
        case ENOENT: "there is no such \(what)"
        case EACCES, EPERM: "this user may not read it"
        case EISDIR: isDirectory
        case ENOTDIR: "a part of its path is no directory"
        case ELOOP: "its links lead in a circle"
        // What open(2) says of a socket.
        case ENXIO: "it is a socket or a device, not a file"
        case 0: "it cannot be read"
        default: unsafe String(cString: strerror(errno))
        }
    }
}

/// What a file is.
enum FileKind: Sendable, Equatable {
    case regular(size: Int)
    case directory, link, pipe, socket, device
    case terminal
    /// /dev/null, which is an empty file.
    case nothing

    init(_ status: stat) {
        switch status.st_mode & S_IFMT {
        case S_IFREG: self = .regular(size: Int(status.st_size))
        case S_IFDIR: self = .directory
        case S_IFLNK: self = .link
        case S_IFIFO: self = .pipe
        case S_IFSOCK: self = .socket
        // Its numbers are fixed (devices.txt of Linux).
        case S_IFCHR where status.st_rdev == 1 << 8 | 3: self = .nothing
        default: self = .device
        }
    }

    init(of descriptor: Int32) {
        var status = stat()
        // SAFETY: the call fills a structure that lives until it returns.
        guard unsafe fstat(descriptor, &status) == 0 else {
            self = .device
            return
        }
        self = FileKind(status)
        if self == .device, isatty(descriptor) == 1 { self = .terminal }
    }
}
