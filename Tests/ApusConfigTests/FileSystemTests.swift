import ApusConfig
import Foundation
import Testing

/// Files that have no size until they are read, and files that never end.
@Suite struct FileSystemTests {
    @Test func filesOfTheSystemAreReadToTheirEnd() throws {
        // Twenty lines for each piece of this process's memory; a page of it is what one call of read(2) gives.
        #expect(try FileSystem.read("/proc/self/smaps").utf8.count > 10_000)
    }

    @Test func pipesAreReadToTheirEnd() throws {
        let pipe = Pipe()
        let text = String(repeating: "endpoints\n", count: 5_000)
        Thread.detachNewThread {
            pipe.fileHandleForWriting.write(Data(text.utf8))
            try? pipe.fileHandleForWriting.close()
        }
        #expect(try FileSystem.read("/dev/fd/\(pipe.fileHandleForReading.fileDescriptor)") == text)
    }

    /// `cat FILE | apus -c /dev/stdin`, where cat has ended before the pipe is opened.
    @Test func whatAWriterHasLeftInAPipeIsRead() throws {
        let pipe = Pipe()
        pipe.fileHandleForWriting.write(Data("left behind\n".utf8))
        try pipe.fileHandleForWriting.close()
        let start = ContinuousClock.now
        #expect(try FileSystem.read("/dev/fd/\(pipe.fileHandleForReading.fileDescriptor)") == "left behind\n")
        #expect(start.duration(to: .now) < .seconds(4))
    }

    @Test func aNamedPipeIsReadFromItsFirstWriterToItsLast() throws {
        let folder = try TemporaryFolder()
        try #require(mkfifo(folder.path("fifo"), 0o600) == 0)
        let path = folder.path("fifo")
        let writer = Thread {
            // Waits for the reader.
            let descriptor = open(path, O_WRONLY)
            for piece in ["one ", "two\n"] {
                _ = write(descriptor, piece, piece.utf8.count)
                usleep(150_000)
            }
            close(descriptor)
        }
        writer.start()
        #expect(try FileSystem.read(path) == "one two\n")
    }

    @Test func aPipeThatNobodyWritesIsGivenUp() throws {
        let folder = try TemporaryFolder()
        try #require(mkfifo(folder.path("fifo"), 0o600) == 0)
        let rules = FileRules(bytes: 1000, patience: .milliseconds(200))
        #expect(throws: FileSystem.ReadError("nobody has written to it for 0 seconds")) {
            try FileSystem.read(folder.path("fifo"), rules)
        }
        // Nobody waits for it: at once, whatever the patience is.
        let start = ContinuousClock.now
        #expect(throws: FileSystem.ReadError("nobody waits for it any more")) {
            try FileSystem.read(folder.path("fifo"), FileRules(bytes: 1000, isGivenUp: { true }))
        }
        #expect(start.duration(to: .now) < .seconds(4))
    }

    @Test func streamsAreReadForThoseAloneWhoNamedThem() throws {
        let folder = try TemporaryFolder()
        try #require(mkfifo(folder.path("fifo"), 0o600) == 0)
        let rules = FileRules(bytes: 1000, takesStreams: false)
        #expect(throws: FileSystem.ReadError("it is a pipe, not a file")) {
            try FileSystem.read(folder.path("fifo"), rules)
        }
    }

    @Test(arguments: [
        ("/nowhere/at/all", "there is no such file"), ("/", "it is a directory"),
        ("/proc/self/status/x", "a part of its path is no directory"),
        ("/dev/zero", "it is a device, not a file"), ("/dev/urandom", "it is a device, not a file"),
    ])
    func whyNotIsTold(path: String, reason: String) {
        #expect(throws: FileSystem.ReadError(reason)) { try FileSystem.read(path) }
    }

    @Test func nothingIsAnEmptyFile() throws {
        #expect(try FileSystem.read("/dev/null") == "")
    }

    @Test func socketsAreNoFiles() throws {
        let folder = try TemporaryFolder()
        let descriptor = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0)
        defer { close(descriptor) }
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        let path = folder.path("socket")
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: Array(path.utf8)) }
        let result = withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(descriptor, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
            }
        }
        try #require(result == 0)
        #expect(throws: FileSystem.ReadError("it is a socket or a device, not a file")) { try FileSystem.read(path) }
    }

    @Test func whatIsTooLargeIsRefusedByItsSizeAndByItsLength() throws {
        let folder = try TemporaryFolder()
        try folder.write(String(repeating: "x", count: 2049), to: "file")
        #expect(throws: FileSystem.ReadError("it has more than 2 KiB")) {
            try FileSystem.read(folder.path("file"), FileRules(bytes: 2048))
        }
        #expect(throws: FileSystem.ReadError("it has more than 1 KiB")) {
            try FileSystem.read("/proc/self/smaps", FileRules(bytes: 1024))
        }
    }
}

/// A folder that is there as long as it is referred to.
final class TemporaryFolder: Sendable {
    let url: URL

    init() throws {
        let url = FileManager.default.temporaryDirectory.appending(path: "apus-config-\(UUID().uuidString.prefix(8))")
        try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
        self.url = url.resolvingSymlinksInPath()
    }

    deinit { try? FileManager.default.removeItem(at: url) }

    func path(_ name: String) -> String { url.appending(path: name).path }

    func write(_ text: String, to name: String) throws {
        let file = url.appending(path: name)
        try FileManager.default.createDirectory(
            at: file.deletingLastPathComponent(), withIntermediateDirectories: true)
        try text.write(to: file, atomically: false, encoding: .utf8)
    }

    func link(_ name: String, to target: String) throws {
        try FileManager.default.createSymbolicLink(atPath: path(name), withDestinationPath: target)
    }
}
