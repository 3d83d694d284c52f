import ApusModel
import ApusProxy
import ApusTestKit
import Foundation
import Testing

/// A file that a proxy logs to; gone with the last reference.
final class AccessLogFile {
    let path = NSTemporaryDirectory() + "apus-\(UUID().uuidString).log"

    deinit { try? FileManager.default.removeItem(atPath: path) }

    /// The lines that are there whole.
    var lines: [String] {
        guard let text = try? String(contentsOfFile: path, encoding: .isoLatin1) else { return [] }
        return text.split(separator: "\n", omittingEmptySubsequences: false).dropLast().map(String.init)
    }

    /// A log to this file.
    func log(_ format: AccessLog.Format = .json, oneIn: Int = 1, alwaysLogsFailures: Bool = true) -> AccessLog {
        AccessLog(.file(path: path), format: format, oneIn: oneIn, alwaysLogsFailures: alwaysLogsFailures)
    }

    /// The lines once there are `count` of them.
    func lines(_ count: Int, of proxy: Proxy) throws -> [String] {
        try proxy.eventually("\(count) lines") { lines.count >= count }
        return lines
    }

    static func object(_ line: String) throws -> [String: Any] {
        // Written as bytes, read as bytes.
        let data = try #require(line.data(using: .isoLatin1))
        return try #require(try JSONSerialization.jsonObject(with: data) as? [String: Any])
    }
}
