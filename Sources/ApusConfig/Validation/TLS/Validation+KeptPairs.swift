import ApusModel

/// A pair whose files have changed, and which is not taken: its certificate has ended, and the one before still holds.
public struct KeptPair: Sendable, Hashable {
    /// The certificate's file.
    public var file: String
    /// The key's, where it is another one.
    public var keyFile: String?
    /// When the certificate in the file ended, and when the one does that is shown on, in seconds since 1970.
    public var ended: Int64
    public var until: Int64

    public init(file: String, keyFile: String?, ended: Int64, until: Int64) {
        self.file = file
        self.keyFile = keyFile
        self.ended = ended
        self.until = until
    }
}

extension Validation {
    /// The running certificate of the same files, where it is to be kept; nil where the one that was read is to be taken.
    mutating func pairThatHolds(instead read: Certificate) -> Certificate? {
        let now = loader.now()
        guard loader.keepsPairsThatHold, read.notAfter < now, let file = read.file,
            let before = loader.running?.certificate(from: file, read.keyFile), before.notAfter >= now
        else { return nil }
        keptPairs.insert(
            KeptPair(
                file: file, keyFile: read.keyFile == file ? nil : read.keyFile, ended: read.notAfter,
                until: before.notAfter))
        return before
    }
}

extension Snapshot {
    /// The certificate that was read from these files.
    fileprivate func certificate(from file: String, _ keyFile: String?) -> Certificate? {
        let shown = listeners.lazy.compactMap(\.tls) + operations.admin.lazy.compactMap(\.tls)
        let all = shown.flatMap { $0.certificates.map(\.certificate) } + pools.compactMap { $0.tls?.certificate }
        return all.first { $0.file == file && $0.keyFile == keyFile }
    }
}
