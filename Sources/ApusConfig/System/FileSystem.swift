import FoundationEssentials

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
            throw ReadError(reason(error))
        }
        guard let text = String(validating: data, as: UTF8.self) else { throw ReadError("it is not UTF-8 text") }
        return text
    }

    /// The names of the files in a directory, in no order.
    public static func names(in directory: String) throws(ReadError) -> [String] {
        do {
            return try FileManager.default.contentsOfDirectory(atPath: directory.isEmpty ? "." : directory)
        } catch {
            throw ReadError(reason(error))
        }
    }

    private static func reason(_ error: any Error) -> String {
        guard let error = error as? CocoaError else { return "\(error)" }
        return switch error.code {
        case .fileReadNoSuchFile, .fileNoSuchFile: "there is no such file"
        case .fileReadNoPermission: "this user may not read it"
        default: (error.underlying as? POSIXError).map { "\($0.code)" } ?? "it cannot be read"
        }
    }
}
