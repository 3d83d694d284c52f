import Foundation

/// The listening TCP sockets of a process, as the system knows them.
enum ListeningSockets {
    /// The address and the inode of each, in order.
    static func of(_ process: pid_t) throws -> [String] {
        let folder = "/proc/\(process)/fd"
        let links = try FileManager.default.contentsOfDirectory(atPath: folder).compactMap {
            try? FileManager.default.destinationOfSymbolicLink(atPath: "\(folder)/\($0)")
        }
        // The table is read in pieces, and sockets that come and go meanwhile push others past their ends: what one reading
        // misses another has.
        var found: Set<String> = []
        for _ in 0..<5 {
            let table = try String(contentsOfFile: "/proc/\(process)/net/tcp", encoding: .utf8)
            for line in table.split(separator: "\n").dropFirst() {
                let words = line.split(separator: " ")
                // 0A is the state LISTEN; see proc(5).
                guard words.count > 9, words[3] == "0A", links.contains("socket:[\(words[9])]") else { continue }
                found.insert("\(words[1]) \(words[9])")
            }
        }
        return found.sorted()
    }
}
