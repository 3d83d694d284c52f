public import ApusConfig
import Crypto
public import FoundationEssentials

/// A configuration that ran, or runs: what was written, when it came, and why.
public struct Revision: Sendable, Equatable {
    /// Counted from 1; a higher number is a later configuration.
    public let number: Int
    /// When it began to run, to the second.
    public let time: Date
    public let cause: Cause
    /// The files as they were read, the main one first; empty for one that was made by a program.
    public let files: [ConfigurationFile]
    /// The paths that it used only since `admin: { files: ... }` allowed them to who had sent it: a rollback to it follows no
    /// link from there out of what is allowed.
    public let lentPaths: [String]
    /// A digest of the files, in hexadecimal: the same for the same texts. What the admin server gives as ETag.
    public let digest: String

    /// Why a configuration came to run.
    public enum Cause: String, Sendable, Codable, CaseIterable {
        case start, signal, admin, watch, rollback
        /// Files of certificates have changed: the same text was loaded again.
        case certificates
    }

    public init(
        number: Int, time: Date = Date(), cause: Cause, files: [ConfigurationFile],
        lentPaths: [String] = []
    ) {
        self.number = number
        self.time = Date(timeIntervalSince1970: time.timeIntervalSince1970.rounded(.down))
        self.cause = cause
        self.files = files
        self.lentPaths = lentPaths
        digest = Self.digest(of: files)
    }

    /// SHA-256 over the paths and texts, each behind its length, so that no two lists of files read the same.
    static func digest(of files: [ConfigurationFile]) -> String {
        var hash = SHA256()
        for file in files {
            for part in [file.path, file.text] {
                hash.update(data: Array("\(part.utf8.count):".utf8))
                hash.update(data: Array(part.utf8))
            }
        }
        return hash.finalize().hexadecimal
    }
}

extension SHA256Digest {
    /// Two digits for each byte.
    var hexadecimal: String {
        let digits = Array("0123456789abcdef".utf8)
        return String(decoding: flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] }, as: UTF8.self)
    }
}
