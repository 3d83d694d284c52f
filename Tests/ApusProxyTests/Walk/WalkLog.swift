import ApusModel
import ApusTransport
import Glibc

@testable import ApusProxy

/// The access log of a walk: each request that reached the worker whole must have exactly one line.
final class WalkLog {
    private let ring = ByteRing(capacity: 1 << 16) {}
    private let log = AccessLog(.standardOutput)
    private var ends: [Int32] = [-1, -1]
    private var rest: [UInt8] = []
    private var brokenLine = false

    init() {
        if pipe(&ends) != 0 { ends = [-1, -1] }
        for end in ends { _ = fcntl(end, F_SETFL, O_NONBLOCK) }
    }

    deinit { for end in ends { close(end) } }

    func writer(_ snapshot: Snapshot) -> AccessLogWriter {
        let line = AccessLogLine(log, hasTLS: false, host: nil, process: 1)
        return AccessLogWriter(ring: ring, line: line, names: AccessLogNames(snapshot, line.style), log: log)
    }

    /// What a line says of a request of the walk.
    struct Line {
        var id: Int
        /// Of its response's body.
        var bodyBytes: Int
        /// Empty for none.
        var reason: String
    }

    /// The requests whose lines have been written since.
    func takeRequests() -> [Line] {
        takeLines().compactMap { line in
            guard let id = Self.request(in: line) else { return nil }
            return Line(id: id, bodyBytes: Self.number("body_bytes_sent", in: line), reason: Self.reason(in: line))
        }
    }

    /// The lines that have been written since.
    func takeLines() -> [ArraySlice<UInt8>] {
        guard ring.held > 0 else { return [] }
        _ = ring.drain(to: ends[1], patience: 0, after: &brokenLine)
        var buffer = [UInt8](repeating: 0, count: 1 << 16)
        while case let count = read(ends[0], &buffer, buffer.count), count > 0 { rest += buffer[..<count] }
        var lines: [ArraySlice<UInt8>] = []
        var start = 0
        while let end = rest[start...].firstIndex(of: 10) {
            lines.append(rest[start..<end])
            start = end + 1
        }
        rest.removeFirst(start)
        return lines
    }

    private static func number(_ name: String, in line: ArraySlice<UInt8>) -> Int {
        let name = Array("\"\(name)\":".utf8)
        guard let offset = line.withUnsafeBytes({ position(of: name, in: $0) }) else { return -1 }
        let digits = line[(line.startIndex + offset + name.count)...].prefix { $0 >= 0x30 && $0 <= 0x39 }
        return Int(String(decoding: digits, as: UTF8.self)) ?? -1
    }

    private static func reason(in line: ArraySlice<UInt8>) -> String {
        let name = Array("\"reason\":\"".utf8)
        guard let offset = line.withUnsafeBytes({ position(of: name, in: $0) }) else { return "" }
        let word = line[(line.startIndex + offset + name.count)...].prefix { $0 != UInt8(ascii: "\"") }
        return String(decoding: word, as: UTF8.self)
    }

    /// The number at the end of the path that a line tells.
    private static func request(in line: ArraySlice<UInt8>) -> Int? {
        let name = Array("\"target\":\"".utf8)
        guard let offset = line.withUnsafeBytes({ position(of: name, in: $0) }) else { return nil }
        let target = line[(line.startIndex + offset + name.count)...].prefix { $0 != UInt8(ascii: "\"") }
        let text = String(decoding: target, as: UTF8.self)
        return text.split(separator: "/").last.flatMap { Int($0) }
    }
}
