import Foundation

/// The listening TCP sockets of a process, as the system knows them.
enum ListeningSockets {
    /// The address and the inode of each, in order.
    static func of(_ process: pid_t) throws -> [String] {
        let folder = "/proc/\(process)/fd"
        let links = try FileManager.default.contentsOfDirectory(atPath: folder).compactMap {
            try? FileManager.default.destinationOfSymbolicLink(atPath: "\(folder)/\($0)")
        }
        // Read to its end: asked for the whole file, Foundation takes what one page of memory holds of it.
        let file = try FileHandle(forReadingFrom: URL(fileURLWithPath: "/proc/\(process)/net/tcp"))
        defer { try? file.close() }
        let table = String(decoding: try file.readToEnd() ?? Data(), as: UTF8.self)
        return table.split(separator: "\n").dropFirst().compactMap { line -> String? in
            let words = line.split(separator: " ")
            // 0A is the state LISTEN; see proc(5).
            guard words.count > 9, words[3] == "0A", links.contains("socket:[\(words[9])]") else { return nil }
            return "\(words[1]) \(words[9])"
        }.sorted()
    }
}
