import ApusAddresses
import ApusModel
import Dispatch
import Foundation
import Logging
import Synchronization
import Testing

@testable import ApusConfig
@testable import ApusControl

/// What host names stood for, as it is written to the state directory.
@Suite struct KeptNamesFileTests {
    @Test func damageIsAMessage() async throws {
        try await RevisionStoreTests.withDirectory { directory in
            _ = try KeptNamesTests.open(directory).keep(KeptNamesTests.kept(KeptNamesTests.one))
            let path = "\(directory)/names"
            let whole = try Data(contentsOf: URL(filePath: path))
            for length in 0..<whole.count {
                try whole.prefix(length).write(to: URL(filePath: path))
                let log = LogRecorder()
                #expect(try KeptNamesTests.open(directory, log).names == KeptNames(), "cut after \(length) bytes")
                #expect(log.lines.count == 1)
            }
            let texts = [
                "", "[]]", #"{"web.test": ["10.0.0.1"]}"#, #"[{"name": "web.test"}]"#,
                #"[{"name": "web.test", "addresses": ["10.0.0.1"], "found": "yesterday"}]"#, "\u{0}\u{1}",
            ]
            for text in texts {
                try DurableFile(path: path).write(Array(text.utf8))
                let log = LogRecorder()
                #expect(try KeptNamesTests.open(directory, log).names == KeptNames(), "\(text)")
                #expect(log.lines.count == 1 && log.lines[0].hasPrefix("warning: the state directory: "), "\(text)")
            }
            // A record by itself.
            try DurableFile(path: path).write(
                Array(
                    #"[{"name": "a"}, {"name": "web.test", "addresses": ["10.0.0.1"], "found": "2001-01-01T00:00:00Z"}]"#
                        .utf8))
            let half = LogRecorder()
            #expect(try KeptNamesTests.open(directory, half).names.names.keys.sorted() == ["web.test"])
            #expect(half.lines.count { $0.contains("1 of 2 records") } == 1, "\(half.lines)")
            // What is no address is none.
            let text = #"[{"name": "web.test", "addresses": ["x", "10.0.0.1"], "found": "2001-01-01T00:00:00Z"}]"#
            try DurableFile(path: path).write(Array(text.utf8))
            #expect(try KeptNamesTests.open(directory).names.names["web.test"]?.addresses == [KeptNamesTests.one])
            try DurableFile(path: path).write([UInt8](repeating: 0x20, count: 9 << 20))
            let log = LogRecorder()
            #expect(try KeptNamesTests.open(directory, log).names == KeptNames() && log.lines.count == 1)
        }
    }

    static var longest: KeptNames {
        var names: [String: KeptNames.Name] = [:]
        for number in 0..<KeptNames.mostAddresses {
            let address = IPAddress(high: .max / 3, low: .max / 3 + UInt64(number))
            names[String(repeating: "a", count: 245) + "\(10_000_000 + number)"] = .init(addresses: [address], found: 5)
        }
        return KeptNames(names)
    }

    @Test func itIsBounded() async throws {
        let many = (0..<UInt32(KeptNames.mostAddresses)).map { IPAddress(ipv4: 0x0a00_0000 + $0) }
        let names = KeptNames([
            "a.test": .init(addresses: Array(many.prefix(7)), found: 5), "b.test": .init(addresses: many, found: 5),
            "c.test": .init(addresses: [KeptNamesTests.one], found: 5),
        ])
        try await RevisionStoreTests.withDirectory { directory in
            let store = try KeptNamesTests.open(directory)
            #expect(try store.keep(names) == 1)
            #expect(try KeptNamesTests.open(directory).names.names.keys.sorted() == ["a.test", "c.test"])
            // That is said of what is kept: a successor is told all.
            #expect(HandedState(encoded: HandedState(names: names).encoded)?.names == names)
            // Each address under a name of its own, as long as they can be.
            let longest = Self.longest
            #expect(try store.keep(longest) == 0)
            let log = LogRecorder()
            #expect(try KeptNamesTests.open(directory, log).names == longest, "\(log.lines)")
        }
    }

    /// The disk is asked when something has changed, and else to say that it is still so, now and then.
    @Test func whatStaysIsNotWrittenAgain() async throws {
        try await RevisionStoreTests.withDirectory { directory in
            let fixture = try KeptNamesTests.fixture(
                try KeptNamesTests.open(directory), resolve: KeptNamesTests.resolve(KeptNamesTests.one))
            await fixture.running.look(up: ["web.test"])
            await fixture.running.keepingNames?.value
            let path = "\(directory)/names"
            #expect(FileManager.default.fileExists(atPath: path))
            try FileManager.default.removeItem(atPath: path)
            await fixture.running.look(up: ["web.test"])
            await fixture.running.keepingNames?.value
            #expect(!FileManager.default.fileExists(atPath: path))
            // One whose last word is old says that it is still true.
            _ = try KeptNamesTests.open(directory).keep(KeptNamesTests.kept(KeptNamesTests.one, age: 100_000))
            let later = try KeptNamesTests.fixture(
                try KeptNamesTests.open(directory), resolve: KeptNamesTests.resolve(KeptNamesTests.one))
            await later.running.keepNames()
            await later.running.keepingNames?.value
            let kept = try #require(try KeptNamesTests.open(directory).names.names["web.test"])
            #expect(kept.age(at: Int64(Date().timeIntervalSince1970)) < 1_000)
        }
    }

    @Test func whatCannotBeWrittenIsToldOnce() async throws {
        try await RevisionStoreTests.withDirectory { directory in
            let log = LogRecorder()
            let fixture = try KeptNamesTests.fixture(
                try KeptNamesTests.open(directory), log, resolve: KeptNamesTests.resolve(KeptNamesTests.one))
            try FileManager.default.removeItem(atPath: directory)
            for addresses in [[KeptNamesTests.two], [KeptNamesTests.one], [KeptNamesTests.two]] {
                fixture.files.resolver.withLock { $0 = { _ in addresses } }
                await fixture.running.look(up: ["web.test"])
                while let writing = await fixture.running.keepingNames { await writing.value }
            }
            #expect(log.lines.count { $0.contains("what host names stand for could not be kept") } == 1, "\(log.lines)")
        }
    }

    /// The disk was full, and is not any more.
    @Test func whatCouldNotBeWrittenIsWrittenLater() async throws {
        try await RevisionStoreTests.withDirectory { directory in
            let log = LogRecorder()
            let fixture = try KeptNamesTests.fixture(
                try KeptNamesTests.open(directory), log, resolve: KeptNamesTests.resolve(KeptNamesTests.one))
            try FileManager.default.removeItem(atPath: directory)
            let following = Task { await fixture.running.followNames() }
            defer { following.cancel() }
            while await fixture.running.namesRetry == nil { await Task.yield() }
            try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: false)
            // Not at once.
            await fixture.running.keepNames()
            #expect(await fixture.running.keepingNames == nil)
            await fixture.running.endPause()
            while await fixture.running.namesRetry != nil { try await Task.sleep(for: .milliseconds(5)) }
            #expect(try KeptNamesTests.open(directory).names.names["web.test"]?.addresses == [KeptNamesTests.one])
            #expect(log.lines.count { $0.contains("what host names stand for could not be kept") } == 1, "\(log.lines)")
        }
    }

    /// What waits for the disk is there before the successor, and not over what that writes.
    @Test func nothingIsWrittenOverASuccessorsFile() async throws {
        try await RevisionStoreTests.withDirectory { directory in
            let store = try KeptNamesTests.open(directory)
            let fixture = try KeptNamesTests.fixture(store, resolve: KeptNamesTests.resolve(KeptNamesTests.one))
            let running = fixture.running
            let isFree = DispatchSemaphore(value: 0)
            let looking = Mutex<Task<Void, Never>?>(nil)
            let busy = Task { try await running.stateFiles.run { _ in isFree.wait() } }
            await running.keepNames()
            let handing = Task {
                try await running.handOver { _, _ in
                    let before = try KeptNamesTests.open(directory)
                    #expect(before.names.names["web.test"]?.addresses == [KeptNamesTests.one])
                    // It is too late for what is written now, and nobody begins to.
                    #expect(throws: DurableFile.Failure.self) { try store.keep(KeptNames()) }
                    #expect(throws: DurableFile.Failure.self) { try store.keep(DynamicState()) }
                    _ = try before.keep(KeptNamesTests.kept(KeptNamesTests.two))
                    fixture.files.resolver.withLock { $0 = KeptNamesTests.resolve(KeptNamesTests.three) }
                    looking.withLock { $0 = Task { await running.look(up: ["web.test"]) } }
                    while await running.knownNames.names["web.test"]?.addresses != [KeptNamesTests.three] {
                        await Task.yield()
                    }
                    await running.keepNames()
                    #expect(await running.keepingNames == nil)
                }
            }
            while await !running.isHandingOver { await Task.yield() }
            isFree.signal()
            _ = await busy.result
            try await handing.value
            await looking.withLock { $0 }?.value
            while let writing = await running.keepingNames { await writing.value }
            #expect(try KeptNamesTests.open(directory).names.names["web.test"]?.addresses == [KeptNamesTests.two])
        }
    }

    /// One that failed leaves the directory to this process.
    @Test func withoutASuccessorAllGoesOn() async throws {
        try await RevisionStoreTests.withDirectory { directory in
            let fixture = try KeptNamesTests.fixture(
                try KeptNamesTests.open(directory), resolve: KeptNamesTests.resolve(KeptNamesTests.one))
            struct Refused: Error {}
            await #expect(throws: Refused.self) { try await fixture.running.handOver { _, _ in throw Refused() } }
            await fixture.running.keepNames()
            await fixture.running.keepingNames?.value
            #expect(try KeptNamesTests.open(directory).names.names["web.test"]?.addresses == [KeptNamesTests.one])
        }
    }

    /// One that nobody waits for any more is not put over one of later.
    @Test func whatIsGivenUpIsNotPutInItsPlace() async throws {
        try await RevisionStoreTests.withDirectory { directory in
            let store = try KeptNamesTests.open(directory)
            _ = try store.keep(KeptNamesTests.kept(KeptNamesTests.two))
            for asked in 1...2 {
                var left = asked
                #expect(throws: DurableFile.Failure.self) {
                    try store.keep(KeptNamesTests.kept(KeptNamesTests.one)) {
                        left -= 1
                        return left == 0
                    }
                }
            }
            #expect(try KeptNamesTests.open(directory).names.names["web.test"]?.addresses == [KeptNamesTests.two])
            #expect(try FileManager.default.contentsOfDirectory(atPath: directory) == ["names"])
        }
    }

    @Test func aNameThatIsFollowedNoLongerIsForgotten() async throws {
        try await RevisionStoreTests.withDirectory { directory in
            let fixture = try KeptNamesTests.fixture(
                try KeptNamesTests.open(directory), resolve: KeptNamesTests.resolve(KeptNamesTests.one))
            await fixture.running.keepNames()
            await fixture.running.keepingNames?.value
            fixture.files["apus.yaml"] = FollowedNamesTests.text.replacing("web.test:80, ", with: "")
            try await fixture.running.reload(.signal)
            while let writing = await fixture.running.keepingNames { await writing.value }
            #expect(try KeptNamesTests.open(directory).names == KeptNames())
        }
    }
}

extension RunningConfiguration {
    fileprivate func endPause() { namesRetry = 0 }
}
