import ApusModel

extension FilePattern {
    /// Whether an absolute path fits as it is spelled. What has a `..` in it fits nothing.
    func matches(_ path: String) -> Bool { matches(path, in: directory) }

    /// Whether the file that lies at this real path does, the links of the pattern's own directory followed.
    func matches(real path: String) -> Bool {
        guard let real = FileSystem.realPath(of: directory) else { return false }
        return matches(path, in: real == "/" ? "" : real)
    }

    /// Whether files of a directory can fit, as it is spelled.
    func matches(directory path: String) -> Bool {
        guard !path.split(separator: "/").contains("..") else { return false }
        return path == directory || (name == nil && path.hasPrefix(directory + "/"))
    }

    /// Whether the directory that lies at this real path can hold files that fit.
    func matches(realDirectory path: String) -> Bool {
        guard let real = FileSystem.realPath(of: directory) else { return false }
        return path == real || (name == nil && path.hasPrefix(real + "/"))
    }

    private func matches(_ path: String, in directory: String) -> Bool {
        guard path.hasPrefix(directory + "/"), !path.split(separator: "/").contains("..") else { return false }
        let rest = path.dropFirst(directory.utf8.count + 1)
        guard !rest.isEmpty, let name else { return !rest.isEmpty }
        // A `*` does not stand for what is hidden.
        guard !rest.contains("/"), name.hasPrefix(".") || !rest.hasPrefix(".") else { return false }
        return ConfigurationDocument.matches(String(rest), name)
    }
}
