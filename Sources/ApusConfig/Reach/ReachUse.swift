import FoundationEssentials

/// One thing beyond its own texts that a configuration uses, and what for.
///
/// Files go by their absolute paths as they are written: `..` is kept, since behind a link it leads elsewhere.
public enum ReachUse: Sendable, Hashable {
    /// A file that is included, or the pattern of several.
    case include(String)
    /// A file that holds the secret of this key.
    case secret(String, key: String)
    /// A file, or a local syslog socket, that the access log goes to.
    case log(String)
    /// A variable of the environment, at this place of the document: `pools.web.endpoints`, within this text:
    /// `${HOST}:80`. What is made of the text is shown and sent, so another text could tell the value.
    case variable(String, place: String, text: String)

    /// The path; nil for a variable.
    var path: String? {
        switch self {
        case .include(let path), .secret(let path, _), .log(let path): path
        case .variable: nil
        }
    }
}

extension ReachUse {
    /// `path` as seen from the root, without parts that mean nothing.
    static func absolute(_ path: String) -> String {
        let whole = path.hasPrefix("/") ? path : FileManager.default.currentDirectoryPath + "/" + path
        return "/" + whole.split(separator: "/").filter { $0 != "." }.joined(separator: "/")
    }

    /// The directory of an absolute path, without a slash at its end, and the last part.
    static func parts(_ path: String) -> (directory: String, name: String) {
        let slash = path.lastIndex(of: "/") ?? path.startIndex
        return (String(path[..<slash]), String(path[path.index(after: slash)...]))
    }
}
