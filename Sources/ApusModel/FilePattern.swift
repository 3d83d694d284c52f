/// Files that a configuration may use although the running one does not: `/etc/apus/pool.yaml`, `/etc/apus/*.yaml`, or
/// `/etc/apus/**` for everything below a directory.
///
/// Absolute, spelled in the one way that has no `..`, `.` or empty part; a `*` stands in its last part only.
public struct FilePattern: Sendable, Hashable, CustomStringConvertible {
    /// Without a slash at its end.
    public let directory: String
    /// The last part, in which each `*` is any text; nil for everything below the directory.
    public let name: String?

    /// Nil when `text` is not such a pattern, or names all files of the machine.
    public init?(_ text: String) {
        guard text.hasPrefix("/"), !text.utf8.contains(0) else { return nil }
        var parts = text.dropFirst().split(separator: "/", omittingEmptySubsequences: false)
        guard let last = parts.popLast(), !parts.isEmpty, !last.isEmpty, last != ".", last != ".." else { return nil }
        guard parts.allSatisfy({ !$0.isEmpty && $0 != "." && $0 != ".." && !$0.contains("*") }) else { return nil }
        directory = "/" + parts.joined(separator: "/")
        name = last == "**" ? nil : String(last)
    }

    public var description: String { "\(directory)/\(name ?? "**")" }
}
