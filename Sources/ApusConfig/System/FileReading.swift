import Glibc

/// The reading of an open file within its bounds. The descriptor never blocks.
struct FileReading {
    private let descriptor: Int32
    private let rules: FileRules
    private var bytes: [UInt8] = []

    /// How often it is asked whether anybody still waits, in milliseconds.
    private static let step: Int32 = 100
    /// How long all of a pipe may take. Somebody types at a terminal, at leisure.
    private static let longest = Duration.seconds(30)
    private static let longestTyping = Duration.seconds(600)

    init(_ descriptor: Int32, _ rules: FileRules) {
        self.descriptor = descriptor
        self.rules = rules
    }

    mutating func bytes(_ kind: FileKind) throws(FileSystem.ReadError) -> [UInt8] {
        switch kind {
        case .regular(let size):
            guard size <= rules.bytes else { throw tooLarge }
            // So that none of it is left where it was before it grew.
            bytes.reserveCapacity(size)
            try readAll { () throws(FileSystem.ReadError) in
                throw FileSystem.ReadError("it has nothing to read yet")
            }
        case .pipe where rules.takesStreams:
            try readStream(patience: rules.patience, longest: Self.longest)
        case .terminal where rules.takesStreams:
            try readStream(patience: Self.longestTyping, longest: Self.longestTyping)
        case .nothing: break
        case .directory: throw FileSystem.ReadError(FileSystem.isDirectory)
        case .pipe: throw FileSystem.ReadError("it is a pipe, not a file")
        case .socket: throw FileSystem.ReadError("it is a socket, not a file")
        case .terminal, .device, .link: throw FileSystem.ReadError("it is a device, not a file")
        }
        return bytes
    }

    private mutating func readStream(patience: Duration, longest: Duration) throws(FileSystem.ReadError) {
        let start = ContinuousClock.now
        // A pipe that nobody has opened yet ends at once for read(2); poll(2) knows better.
        try wait(patience, since: start, longest)
        try readAll { [self] () throws(FileSystem.ReadError) in try wait(patience, since: start, longest) }
    }

    /// Reads to the end.
    ///
    /// - Parameter wait: waits for more.
    private mutating func readAll(
        _ wait: () throws(FileSystem.ReadError) -> Void
    ) throws(FileSystem.ReadError) {
        var piece: [UInt8] = Array(repeating: 0, count: 64 << 10)
        // It may have been a key.
        defer {
            // SAFETY: the pointer is used within the closure, for no more bytes than there are.
            unsafe piece.withUnsafeMutableBytes { unsafe explicit_bzero($0.baseAddress!, $0.count) }
        }
        while true {
            if rules.isGivenUp() { throw Self.givenUp }
            // SAFETY: the pointer is used within the closure, for no more bytes than there are.
            let count = unsafe piece.withUnsafeMutableBytes { piece in
                unsafe Glibc.read(descriptor, piece.baseAddress, piece.count)
            }
            if count < 0, errno == EINTR { continue }
            if count < 0, errno == EAGAIN {
                try wait()
                continue
            }
            guard count >= 0 else { throw FileSystem.ReadError(FileSystem.reason(errno, "file")) }
            if count == 0 { return }
            guard bytes.count + count <= rules.bytes else { throw tooLarge }
            bytes += piece[..<count]
        }
    }

    /// Waits until there is something to read, or the end.
    private func wait(
        _ patience: Duration, since start: ContinuousClock.Instant, _ longest: Duration
    ) throws(FileSystem.ReadError) {
        let silence = ContinuousClock.now
        while true {
            if rules.isGivenUp() { throw Self.givenUp }
            var waiting = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
            // SAFETY: the call fills a structure that lives until it returns.
            if unsafe poll(&waiting, 1, Self.step) > 0 { break }
            guard silence.duration(to: .now) < patience else {
                throw FileSystem.ReadError("nobody has written to it for \(patience.components.seconds) seconds")
            }
        }
        guard start.duration(to: .now) < longest else {
            throw FileSystem.ReadError("it was not read to its end within \(longest.components.seconds) seconds")
        }
    }

    private var tooLarge: FileSystem.ReadError {
        let limit = rules.bytes >= 1 << 20 ? "\(rules.bytes >> 20) MiB" : "\(rules.bytes >> 10) KiB"
        return FileSystem.ReadError("it has more than \(limit)")
    }

    private static let givenUp = FileSystem.ReadError("nobody waits for it any more")
}
