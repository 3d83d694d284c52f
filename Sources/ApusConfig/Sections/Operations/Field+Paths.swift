import ApusModel

extension Field {
    /// A path of a Unix socket: absolute, and short enough for the system (unix(7)).
    func socketPath(_ path: Substring, _ findings: inout Findings) -> String? {
        guard path.hasPrefix("/"), Bounds.socketPathBytes.contains(path.utf8.count), !path.hasControls else {
            let most = Bounds.socketPathBytes.upperBound
            let hint =
                path.hasControls
                ? noControls : path.utf8.count > most ? "a socket's path has at most \(most) bytes" : nil
            reject(
                expected: "the absolute path of a Unix socket, such as `/run/apus/admin.sock`", hint: hint, &findings)
            return nil
        }
        return String(path)
    }

    /// A list of files, or of patterns of them.
    func filePatterns(_ findings: inout Findings) -> [FilePattern] {
        (list(of: "files", example: "[/etc/apus/*.yaml, /var/log/apus/*]", &findings) ?? []).compactMap { node in
            let item = item(node)
            guard let text = node.text, !text.hasControls, let pattern = FilePattern(text) else {
                item.reject(
                    expected: "an absolute path, in whose last part a `*` may stand, such as `/etc/apus/*.yaml`, or "
                        + "`/etc/apus/**` for all below it",
                    hint: node.text?.contains("..") == true ? "write it without `..`" : nil, &findings)
                return nil
            }
            if let first = pattern.directory.split(separator: "/").first, ["proc", "dev", "sys"].contains(first) {
                findings.error(
                    "`\(key.value)`: `/\(first)` holds no configurations, secrets or logs; name another directory",
                    at: node.position)
                return nil
            }
            return pattern
        }
    }

    /// An absolute path.
    func absolutePath(example: String, _ findings: inout Findings) -> String? {
        guard let path = node.text, path.hasPrefix("/"), !path.hasControls else {
            let hint = node.text?.hasControls == true ? noControls : nil
            reject(expected: "an absolute path, such as `\(example)`", hint: hint, &findings)
            return nil
        }
        return path
    }

    /// `on` or `off`.
    func isOn(_ findings: inout Findings) -> Bool? {
        switch node.plainText {
        case "on": return true
        case "off": return false
        default: break
        }
        let hint: String? =
            switch node.text?.lowercased() {
            case "yes", "true", "on": "write `on`"
            case "no", "false", "off": "write `off`"
            default: nil
            }
        reject(expected: "`on` or `off`", hint: hint, &findings)
        return nil
    }
}

/// What is said of a path that cannot be told as it is.
let noControls = "a path has no control characters, and none that cannot be seen"
