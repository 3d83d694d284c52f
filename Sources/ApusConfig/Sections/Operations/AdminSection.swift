import ApusModel

/// The `admin` server: an address, not resolved yet, or a Unix socket.
struct AdminSection {
    enum Bind {
        case address(Located<Authority>)
        case unix(String)
    }

    var bind: Bind
    var token: SecretSection?
    /// Whether a token was written, right or wrong.
    var isTokenWritten = false
    var position: SourcePosition

    /// `{ bind: ... }`, or `off`.
    init?(_ field: Field, _ findings: inout Findings) {
        if field.isOff { return nil }
        let example = "{ bind: 127.0.0.1:9900 }"
        guard case .mapping = field.node.content else {
            field.reject(expected: "a mapping such as `\(example)`, or `off`", &findings)
            return nil
        }
        guard var section = Section(field, "the admin server", example: example, &findings) else { return nil }
        let bind = section.require("bind", example: "127.0.0.1:9900")
        let token = section.take("token")
        section.finish(&findings)
        self.token = token.flatMap { SecretSection($0, &findings) }
        isTokenWritten = token != nil
        position = bind?.position ?? field.key.position
        guard let bind else { return nil }
        if let text = bind.node.text, text.hasPrefix("unix:") {
            guard let path = bind.socketPath(text.dropFirst("unix:".count), &findings) else { return nil }
            self.bind = .unix(path)
        } else {
            guard let address = Authority.read(bind, as: .bind, &findings) else { return nil }
            self.bind = .address(address)
        }
    }
}

extension Field {
    /// A path of a Unix socket: absolute, and short enough for the system (unix(7)).
    func socketPath(_ path: Substring, _ findings: inout Findings) -> String? {
        guard path.hasPrefix("/"), (2...107).contains(path.utf8.count), !path.utf8.contains(0) else {
            let hint = path.utf8.count > 107 ? "a socket's path has at most 107 bytes" : nil
            reject(
                expected: "the absolute path of a Unix socket, such as `/run/apus/admin.sock`", hint: hint, &findings)
            return nil
        }
        return String(path)
    }

    /// An absolute path.
    func absolutePath(example: String, _ findings: inout Findings) -> String? {
        guard let path = node.text, path.hasPrefix("/"), !path.utf8.contains(0) else {
            reject(expected: "an absolute path, such as `\(example)`", &findings)
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
