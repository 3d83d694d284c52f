import Foundation
import Glibc

/// The pages of the program's own code that are resident.
///
/// Starting runs far more code than serving: it reads arguments and YAML, and Swift's first dynamic casts look at every
/// conformance in the program. Those pages stay mapped, 64 KB around each that was touched, and count as memory of this
/// process. Given back, they return one by one as they are needed, from the page cache: serving maps about half of them
/// again.
enum CodePages {
    /// Gives back what is mapped. Costs a soft page fault for each piece that is needed again.
    static func release() {
        guard let maps = FileManager.default.contents(atPath: "/proc/self/maps") else { return }
        for line in String(decoding: maps, as: UTF8.self).split(separator: "\n") {
            // 55d0c0a00000-55d0c29d8000 r-xp 00000000 08:01 1234  /usr/local/bin/apus
            let fields = line.split(separator: " ", omittingEmptySubsequences: true)
            guard fields.count == 6, fields[1] == "r-xp", fields[5].hasPrefix("/") else { continue }
            let bounds = fields[0].split(separator: "-").compactMap { UInt($0, radix: 16) }
            guard bounds.count == 2, bounds[0] < bounds[1] else { continue }
            // Code is never written to, so that dropping the mapping loses nothing: the file has it all.
            _ = unsafe madvise(
                UnsafeMutableRawPointer(bitPattern: bounds[0]), Int(bounds[1] - bounds[0]), MADV_DONTNEED)
        }
    }
}
