import FoundationEssentials
import Glibc

/// The files of this machine, as a loader reads them.
public enum FileSystem {
    /// Why a file could not be read, for people.
    public struct ReadError: Error, Sendable, Hashable, CustomStringConvertible {
        public var description: String

        public init(_ description: String) { self.description = description }
    }

    /// The text of a file, which is UTF-8.
    public static func read(_ path: String) throws(ReadError) -> String {
        let data: Data
        do {
            data = try Data(contentsOf: URL(filePath: path))
        } catch {
            throw ReadError(reason(error, "file"))
        }
        guard let text = String(validating: data, as: UTF8.self) else { throw ReadError("it is not UTF-8 text") }
        return text
    }

    /// The names of the files in a directory, in no order.
    public static func names(in directory: String) throws(ReadError) -> [String] {
        do {
            return try FileManager.default.contentsOfDirectory(atPath: directory.isEmpty ? "." : directory)
        } catch {
            throw ReadError(reason(error, "directory"))
        }
    }

    /// Why a directory cannot be read as a file.
    static let isDirectory = "it is a directory"

    private static func reason(_ error: any Error, _ what: String) -> String {
        guard let error = error as? CocoaError else { return "\(error)" }
        return switch error.code {
        case .fileReadNoSuchFile, .fileNoSuchFile: "there is no such \(what)"
        case .fileReadNoPermission: "this user may not read it"
        default:
            switch (error.underlying as? POSIXError)?.code {
            case .EISDIR: isDirectory
            case .ENOTDIR: "a part of its path is no directory"
            case .ELOOP: "its links lead in a circle"
            case let code?: "\(code)"
            case nil: "it cannot be read"
            }
        }
    }
}
