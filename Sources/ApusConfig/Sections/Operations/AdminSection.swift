import ApusAddresses
import ApusModel

/// One listener of the `admin` server: an address, not resolved yet, or a Unix socket.
struct AdminSection {
    enum Bind {
        case address(Located<Authority>)
        case unix(String)
    }

    /// Nil when it is missing or wrong.
    var bind: Bind?
    /// Nil when it was left out, and for one that is wrong.
    var role: Located<Admin.Role>?
    var token: SecretSection?
    /// What a configuration that comes over it may use.
    var files: [FilePattern] = []
    /// Whether a token was written, right or wrong.
    var isTokenWritten = false
    /// Nil when it was left out.
    var hosts: [String]?
    /// Nil for plain HTTP.
    var tls: AdminTLSSection?
    /// `tls` was written, and not as it must be.
    private(set) var isTLSWrong = false
    var position = SourcePosition.start
    /// What it does when it runs, for those that do.
    private var running: Admin?

    private static let example = "{ bind: \"unix:/run/apus/admin.sock\" }"

    private init() {}

    init(_ admin: Admin) {
        running = admin
        hosts = admin.hosts
        files = admin.files
        tls = admin.tls.map { AdminTLSSection($0) }
    }

    /// A listener, a list of them, or `off`.
    static let kind = Kind<[AdminSection]>(
        shape.oneOrMore.or("off"), words: "a mapping, a list of them, or `off`",
        told: { admin in
            let binds = admin.compactMap(\.running).map { "\($0.bind)" }
            var settings = Settings()
            settings.append(
                Settings.Entry(
                    key: "bind", value: .word(binds.isEmpty ? "off" : binds.joined(separator: ", ")),
                    isUsual: binds.isEmpty))
            return .section(settings)
        }, read: { field, findings in list(field, &findings) })

    private static func list(_ field: Field, _ findings: inout Findings) -> [AdminSection] {
        if field.isOff { return [] }
        switch field.node.content {
        case .mapping:
            guard let section = Section(field, "the admin server", example: example, &findings) else { return [] }
            return [AdminSection(section, field.key.position, &findings)].compactMap(\.self)
        case .sequence(let items) where !items.isEmpty:
            return items.compactMap { item in
                Section(item, "an admin listener", example: example, at: item.position, &findings)
                    .flatMap { AdminSection($0, item.position, &findings) }
            }
        default:
            field.reject(expected: "a mapping such as `\(example)`, a list of them, or `off`", &findings)
            return []
        }
    }

    private init?(_ section: Section, _ position: SourcePosition, _ findings: inout Findings) {
        var section = section
        read(&section, of: Located(value: "admin", position: position), &findings)
        if bind == nil { return nil }
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

extension AdminSection: Keyed {
    static let usual = AdminSection()

    static let keys: [SectionKey<AdminSection>] = [
        SectionKey(
            "bind", .either([.named(.address), .text(pattern: "^unix:/")]), "An address, or `unix:` and a path.",
            words: "an address to listen on, or `unix:` and a path", needed: "127.0.0.1:9900", change: .upgrade),
        SectionKey(
            "token", .named(.secret), "What callers must say, 16 bytes or more.",
            told: { $0.running?.token.map { .concealed($0.bytes) } }),
        SectionKey(
            "role", Kind<Admin.Role>.choice.shape, "What callers may do.",
            usually: "`change` with a token or on a Unix socket, else `read`",
            told: { $0.running.map { .word($0.role.rawValue) } },
            read: { field, owner, findings in
                guard let role = field.choice(of: Admin.Role.self, &findings) else { return false }
                owner.role = Located(value: role, position: field.position)
                return true
            }
        ).usual { admin in
            admin.running.map { $0.role == max(Admin.mostRole($0.bind, hasToken: $0.token != nil), .read) } ?? true
        },
        SectionKey(
            "hosts", .list(of: .text()), "Host names it answers to, besides addresses and localhost.",
            words: "a list of host names", usually: "see `admin`",
            told: { .word($0.hosts?.joined(separator: ", ") ?? "any") }
        ).usual { $0.hosts == nil },
        SectionKey(
            "files", .list(of: .text(pattern: "^/|\\$\\{")),
            "Files that a configuration which callers send may use, such as `/etc/apus/*.yaml`.",
            words: "a list of absolute paths, with `*` in the last part, or `/**` at the end", usually: "none",
            told: { .word($0.files.isEmpty ? "none" : $0.files.map(\.description).joined(separator: ", ")) },
            read: { field, owner, findings in
                owner.files = field.filePatterns(&findings)
                return true
            }),
        SectionKey(
            "tls", \.tls, Kind.switched(nil, example: "{ certificate: admin.pem, key: admin.key }"),
            "TLS with callers."),
    ]

    mutating func check(_ written: WrittenKeys, _ findings: inout Findings) {
        token = written["token"].flatMap { SecretSection($0, &findings) }
        isTokenWritten = written["token"] != nil
        // What nobody knows may be meant for it.
        isTLSWrong = written.isWrong("tls") || tls == nil && written.section.hasMore
        let hosts = written["hosts"]
        position = written["bind"]?.position ?? written.position
        guard let bind = written["bind"] else { return }
        if let text = bind.node.text, text.hasPrefix("unix:") {
            guard let path = bind.socketPath(text.dropFirst("unix:".count), &findings) else { return }
            self.bind = .unix(path)
            if let hosts {
                findings.error(
                    "`hosts` has no effect on a Unix socket, which no browser reaches; leave it out",
                    at: hosts.key.position)
            }
            if tls != nil, let field = written["tls"] {
                findings.error(
                    "`tls` has no effect on a Unix socket, which no network leads to; leave it out, or bind an address",
                    at: field.key.position)
            }
        } else {
            guard let address = Authority.read(bind, as: .bind, &findings) else { return }
            self.bind = .address(address)
            self.hosts = hosts.flatMap { Self.names($0, &findings) }
        }
    }
}
