import ApusConfig
import Foundation
import Testing

/// Files that have no size until they are read.
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

    @Test(arguments: [
        ("/nowhere/at/all", "there is no such file"), ("/", "it is a directory"),
        ("/proc/self/status/x", "a part of its path is no directory"),
    ])
    func whyNotIsTold(path: String, reason: String) {
        #expect(throws: FileSystem.ReadError(reason)) { try FileSystem.read(path) }
    }
}
