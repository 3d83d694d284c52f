import ApusAddresses
import ApusModel

/// One listener of the `admin` server: an address, not resolved yet, or a Unix socket.
struct AdminSection {
    enum Bind {
        case address(Located<Authority>)
        case unix(String)
    }

    var bind: Bind
    /// Nil when it was left out, and for one that is wrong.
    var role: Located<Admin.Role>?
    var token: SecretSection?
    /// What a configuration that comes over it may use.
    var files: [FilePattern] = []
    /// Whether a token was written, right or wrong.
    var isTokenWritten = false
    /// Nil when it was left out.
    var hosts: [String]?
    var position: SourcePosition

    private static let example = "{ bind: \"unix:/run/apus/admin.sock\" }"

    /// A listener, a list of them, or `off`.
    static func list(_ field: Field, _ findings: inout Findings) -> [AdminSection] {
        if field.isOff { return [] }
        switch field.node.content {
        case .mapping:
            guard var section = Section(field, "the admin server", example: example, &findings) else { return [] }
            return [AdminSection(&section, field.key.position, &findings)].compactMap(\.self)
        case .sequence(let items) where !items.isEmpty:
            return items.compactMap { item in
                guard
                    var section = Section(
                        item, "an admin listener", example: example, at: item.position, &findings)
                else { return nil }
                return AdminSection(&section, item.position, &findings)
            }
        default:
            field.reject(expected: "a mapping such as `\(example)`, a list of them, or `off`", &findings)
            return []
        }
    }

    private init?(_ section: inout Section, _ fallback: SourcePosition, _ findings: inout Findings) {
        let bind = section.require("bind", example: "127.0.0.1:9900")
        let token = section.take("token")
        if let field = section.take("role"), let role = field.choice(of: Admin.Role.self, &findings) {
            self.role = Located(value: role, position: field.position)
        }
        let hosts = section.take("hosts")
        if let files = section.take("files") { self.files = files.filePatterns(&findings) }
        section.finish(&findings)
        self.token = token.flatMap { SecretSection($0, &findings) }
        isTokenWritten = token != nil
        position = bind?.position ?? fallback
        guard let bind else { return nil }
        if let text = bind.node.text, text.hasPrefix("unix:") {
            guard let path = bind.socketPath(text.dropFirst("unix:".count), &findings) else { return nil }
            self.bind = .unix(path)
            if let hosts {
                findings.error(
                    "`hosts` has no effect on a Unix socket, which no browser reaches; leave it out",
                    at: hosts.key.position)
            }
        } else {
            guard let address = Authority.read(bind, as: .bind, &findings) else { return nil }
            self.bind = .address(address)
            self.hosts = hosts.flatMap { Self.names($0, &findings) }
        }
    }

    /// Host names, in lower case.
    private static func names(_ field: Field, _ findings: inout Findings) -> [String]? {
        field.list(of: "host names", example: "[lb.example.com]", &findings)?.compactMap { item in
            if let name = item.text, isHostName(name), IPAddress(name) == nil { return name.lowercased() }
            let text = item.text ?? ""
            let hint: String? =
                IPAddress(text) != nil
                ? "addresses are answered to anyway"
                : text.contains(":") ? "the name alone, without scheme and port" : nil
            field.item(item).reject(expected: "a host name, such as `lb.example.com`", hint: hint, &findings)
            return nil
        }
    }
}

extension Field {
    /// A path of a Unix socket: absolute, and short enough for the system (unix(7)).
    func socketPath(_ path: Substring, _ findings: inout Findings) -> String? {
        guard path.hasPrefix("/"), Bounds.socketPathBytes.contains(path.utf8.count), !path.hasControls else {
            let hint =
                path.hasControls ? noControls : path.utf8.count > 107 ? "a socket's path has at most 107 bytes" : nil
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
