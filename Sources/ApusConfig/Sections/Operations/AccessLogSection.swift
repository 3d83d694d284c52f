import ApusModel

/// The `access_log`; a syslog server's name is not resolved yet.
struct AccessLogSection {
    /// Its destination is set apart.
    private(set) var log = AccessLog.off
    private(set) var syslogServer: Located<Authority>?
    private(set) var syslog: Syslog?
    /// Of the destination.
    private(set) var position: SourcePosition?

    init() {}

    /// What `diff` and `explain` show of a log that is written.
    init(_ log: AccessLog) {
        self.log = log
        if case .syslog(let syslog)? = log.destination { self.syslog = syslog }
    }

    /// A destination, or a mapping.
    static let kind = Kind<AccessLogSection>(
        .either([.words(["off"]), destination, shape]),
        words: "`stdout`, `syslog`, `off`, an absolute path, or a mapping",
        told: { $0.log.destination == nil ? .word("off") : .section(Settings($0)) },
        read: { field, findings in
            if case .mapping = field.node.content {
                return AccessLogSection(
                    field, "the access log", example: "{ to: stdout, format: json }", &findings)
            }
            var section = AccessLogSection()
            section.readDestination(field, &findings)
            return section
        })

    /// Where it goes, as it would be written.
    private var destination: String? {
        switch log.destination {
        case nil: return nil
        case .standardOutput: return "stdout"
        case .file(let path, _): return path
        case .syslog(let syslog):
            switch syslog.target {
            case .local(let path): return "syslog:\(path)"
            case .udp(let address): return "syslog:\(address)"
            }
        }
    }

    private var formatWord: String {
        switch log.format {
        case .json: "json"
        case .combined: "combined"
        case .template(let template): template.text.debugDescription
        }
    }

    private mutating func readDestination(_ field: Field, _ findings: inout Findings) {
        position = field.position
        switch field.node.text {
        case let path? where path.contains("/") && path.hasControls:
            field.reject(expected: "the path of a log", hint: noControls, &findings)
        case "off": break
        case "stdout": log.destination = .standardOutput
        case "syslog": syslog = Syslog()
        case let path? where path.hasPrefix("/"): log.destination = .file(path: path)
        case let text? where text.hasPrefix("syslog:/"):
            syslog = Syslog(target: .local(path: String(text.dropFirst("syslog:".count))))
        case let text? where text.hasPrefix("syslog:"):
            let written = String(text.dropFirst("syslog:".count))
            do throws(Authority.Refusal) {
                syslogServer = Located(value: try Authority(written, as: .endpoint), position: field.position)
                syslog = Syslog()
            } catch {
                field.reject(
                    expected: "a syslog server, such as `\"syslog:127.0.0.1:514\"` or `\"syslog:/dev/log\"`",
                    hint: error.advice, &findings)
            }
        default:
            let isRelative = field.node.text.map { $0.contains("/") || $0.contains(".") } ?? false
            let near = field.node.text.flatMap { nearest(to: $0, among: ["stdout", "off", "syslog"]) }
            field.reject(
                expected: "`stdout`, `syslog`, `off` or an absolute path such as `/var/log/apus.log`",
                hint: near.map { "did you mean `\($0)`?" } ?? (isRelative ? "a path begins with `/`" : nil), &findings)
        }
    }

    private mutating func readFormat(_ field: Field, _ findings: inout Findings) {
        switch field.node.text {
        case "json": log.format = .json
        case "combined": log.format = .combined
        case let text? where text.contains("{"):
            do throws(AccessLogTemplateError) {
                log.format = .template(try AccessLogTemplate(text))
            } catch {
                let place = error.offset.map { findings.position(of: text, offset: $0, at: field.position) }
                findings.error("`format`: \(error)\(error.advice)", at: place ?? field.position)
            }
        default:
            let near = field.node.text.flatMap { nearest(to: $0, among: ["json", "combined"]) }
            let isForeign = field.node.text?.contains { $0 == "$" || $0 == "%" } == true
            field.reject(
                expected: "`json`, `combined` or a template such as `\"{client} {method} {target} {status}\"`",
                hint: isForeign ? "fields stand in braces, such as `{client}`" : near.map { "did you mean `\($0)`?" },
                &findings)
        }
    }

    /// `1/100`: one of so many.
    private mutating func readSample(_ field: Field, _ findings: inout Findings) {
        let parts = (field.node.text ?? "").split(separator: "/", omittingEmptySubsequences: false)
        guard parts.count == 2, parts[0] == "1", parts[1].utf8.allSatisfy(\.isASCIIDigit),
            let count = Int(parts[1]), Bounds.samples.contains(count)
        else {
            let percent = field.node.text.flatMap { $0.hasSuffix("%") ? Int($0.dropLast()) : nil }
            let hint = percent.flatMap { (1...100).contains($0) && 100 % $0 == 0 ? "write `1/\(100 / $0)`" : nil }
            field.reject(expected: "one of how many requests is logged, such as `1/100`", hint: hint, &findings)
            return
        }
        log.oneIn = count
    }
}

extension AccessLogSection: Keyed {
    static let usual = AccessLogSection()

    private static let destination = Shape.text(pattern: "^(stdout|syslog(:.+)?|off|false|/.*)$|\\$\\{")

    static let keys: [SectionKey<AccessLogSection>] = [
        SectionKey(
            "to", .either([destination, .words(["off"])]), "`stdout`, `syslog`, `off` or an absolute path.",
            words: "`stdout`, `syslog`, `off`, or an absolute path", needed: "stdout",
            told: { $0.destination.map { .word($0) } },
            read: { field, owner, findings in
                owner.readDestination(field, &findings)
                return true
            }),
        SectionKey(
            "format", .text(), "`json`, `combined`, or a template with fields in braces.",
            words: "`json`, `combined`, or a template", told: { .word($0.formatWord) },
            read: { field, owner, findings in
                owner.readFormat(field, &findings)
                return true
            }),
        SectionKey(
            "sample", .text(pattern: "^1/0*(\(QuantityPattern.digits(Bounds.samples)))$|\\$\\{"),
            "One of how many requests is logged.", words: "`1/N`, with N up to \(Bounds.samples.upperBound)",
            told: { .word("1/\($0.log.oneIn)") },
            read: { field, owner, findings in
                owner.readSample(field, &findings)
                return true
            }),
        SectionKey(
            "failures", \.log.alwaysLogsFailures, alwaysOrSampled, "Whether `sample` holds for failures."),
        SectionKey(
            "facility", .words(facilities.map(\.name)), "For syslog.", words: "a syslog facility, such as `local0`",
            usually: name(ofFacility: Syslog().facility),
            told: { $0.syslog.map { .word(name(ofFacility: $0.facility)) } }),
        SectionKey(
            "tag", .text(), "For syslog: how lines begin.",
            words: "\(Bounds.syslogTagBytes.lowerBound) to \(Bounds.syslogTagBytes.upperBound) characters",
            usually: Syslog().tag, told: { $0.syslog.map { .word($0.tag) } }),
    ]

    private static let alwaysOrSampled = Kind<Bool>(
        .words(["always", "sampled"]), told: { .word($0 ? "always" : "sampled") },
        read: { $0.word(of: [("always", true), ("sampled", false)], &$1) })

    mutating func check(_ written: WrittenKeys, _ findings: inout Findings) {
        if written["to"]?.isOff == true {
            written.warnOfNoEffect(
                ["format", "sample", "failures", "facility", "tag"], "with `to: off`: nothing is logged", &findings)
            return
        }
        if let failures = written.right("failures"), log.oneIn == 1, !written.isWrong("sample") {
            findings.warning(
                "`failures` has no effect: every request is logged; "
                    + (written["sample"] == nil ? "add" : "write") + " `sample: 1/100`", at: failures.key.position)
        }
        let (facility, tag) = (written["facility"], written["tag"])
        if let facility, let number = facility.word(of: Self.facilities, &findings) { syslog?.facility = number }
        if let tag, let text = tag.syslogTag(&findings) { syslog?.tag = text }
        guard let field = facility ?? tag, let to = written["to"], log.destination != nil else { return }
        findings.error(
            "`\(field.key.value)` is about syslog, and the log goes to `\(to.node.text ?? "")`; remove it, or write "
                + "`to: syslog`", at: field.key.position)
    }

    private static func name(ofFacility number: Int) -> String {
        facilities.first { $0.value == number }?.name ?? "\(number)"
    }

    /// RFC 5424 section 6.2.1.
    private static let facilities: [(name: String, value: Int)] = [
        ("kern", 0), ("user", 1), ("mail", 2), ("daemon", 3), ("auth", 4), ("syslog", 5), ("lpr", 6), ("news", 7),
        ("uucp", 8), ("cron", 9), ("authpriv", 10), ("ftp", 11), ("local0", 16), ("local1", 17), ("local2", 18),
        ("local3", 19), ("local4", 20), ("local5", 21), ("local6", 22), ("local7", 23),
    ]
}

extension Field {
    /// An APP-NAME (RFC 5424 section 6.2.5).
    fileprivate func syslogTag(_ findings: inout Findings) -> String? {
        guard let text = node.text, Bounds.syslogTagBytes.contains(text.utf8.count),
            text.utf8.allSatisfy({ (0x21...0x7e).contains($0) })
        else {
            reject(
                expected: "\(Shape.integer(Bounds.syslogTagBytes).words) visible characters, such as `apus`", &findings)
            return nil
        }
        return text
    }
}

extension AccessLogTemplateError {
    fileprivate var offset: Int? {
        switch self {
        case .unknownField(_, let offset), .unclosedBrace(let offset), .controlCharacter(let offset): offset
        case .noField: nil
        }
    }

    fileprivate var advice: String {
        guard case .unknownField(let name, _) = self else { return "" }
        let names = AccessLogField.allCases.map(\.rawValue)
        if let meant = nearest(to: name, among: names) { return "; did you mean `\(meant)`?" }
        return "; expected one of " + names.map { "`\($0)`" }.joined(separator: ", ")
    }
}
