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

    /// A destination, or a mapping.
    init(_ field: Field, _ findings: inout Findings) {
        guard case .mapping = field.node.content else {
            readDestination(field, &findings)
            return
        }
        let example = "{ to: stdout, format: json }"
        guard var section = Section(field, "the access log", example: example, &findings) else { return }
        let to = section.require("to", example: "stdout")
        if let to { readDestination(to, &findings) }
        if let field = section.take("format") { readFormat(field, &findings) }
        if let field = section.take("sample") { readSample(field, &findings) }
        let failures = section.take("failures")
        if let failures, let always = failures.word(of: [("always", true), ("sampled", false)], &findings) {
            log.alwaysLogsFailures = always
        }
        readSyslog(&section, to, &findings)
        section.finish(&findings)
        if let failures, log.oneIn == 1, section.isMissing("sample") {
            findings.warning(
                "`failures` has no effect: every request is logged; add `sample: 1/100`", at: failures.key.position)
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

    private mutating func readSyslog(_ section: inout Section, _ to: Field?, _ findings: inout Findings) {
        let facility = section.take("facility")
        let tag = section.take("tag")
        if let facility, let number = facility.word(of: Self.facilities, &findings) { syslog?.facility = number }
        if let tag, let text = tag.syslogTag(&findings) { syslog?.tag = text }
        guard let field = facility ?? tag, let to, log.destination != nil
        else { return }
        findings.error(
            "`\(field.key.value)` is about syslog, and the log goes to `\(to.node.text ?? "")`; remove it, or write "
                + "`to: syslog`", at: field.key.position)
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
            reject(expected: "1 to 48 visible characters, such as `apus`", &findings)
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
