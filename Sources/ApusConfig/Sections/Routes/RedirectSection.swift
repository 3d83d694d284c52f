import ApusModel
import ApusRouting

/// A route's `redirect`: a location, or a mapping with `to` and `status`.
struct RedirectSection {
    private var to: Field?
    /// Nil for one that is wrong.
    private var status: Int? = Redirect(location: TextTemplate([])).status
    /// What it does when it runs, for those that do.
    private var running: Redirect?

    static let choices = Shape.either([.text(), shape])

    private init() {}

    init(_ redirect: Redirect) {
        running = redirect
        status = redirect.status
    }

    /// Nil, with an error in `findings`, when it is wrong.
    static func read(_ field: Field, _ path: PathPattern, _ findings: inout Findings) -> Redirect? {
        var redirect = RedirectSection()
        if case .mapping = field.node.content {
            let example = "{ to: \"https://example.com{path}{query}\", status: 301 }"
            guard var section = Section(field, "a redirect", example: example, &findings) else { return nil }
            redirect.read(&section, of: field.key, &findings)
        } else {
            redirect.to = field
        }
        guard let status = redirect.status, let target = redirect.to else { return nil }
        return location(target, path, &findings).map { Redirect(status: status, location: $0) }
    }

    private static func location(_ target: Field, _ path: PathPattern, _ findings: inout Findings) -> TextTemplate? {
        if target.node.plainText.flatMap({ Int($0) }) != nil {
            target.reject(
                expected: "where to, such as `/new`", hint: "a status stands beside it: `{ to: /new, status: 301 }`",
                &findings)
            return nil
        }
        let expected = "where to, such as `https://example.com{path}{query}` or `/new{query}`"
        guard let location = target.template(path, expected: expected, &findings) else { return nil }
        guard location.isURIText else {
            target.reject(
                expected: "a location as it is sent, without blanks and characters beyond ASCII",
                hint: "write them escaped, such as `%20`", &findings)
            return nil
        }
        guard location.isLocation else {
            target.reject(expected: expected, hint: location.locationHint, &findings)
            return nil
        }
        warn(of: location, target, &findings)
        return location
    }

    /// Locations by which a client chooses where it is sent.
    private static func warn(of location: TextTemplate, _ target: Field, _ findings: inout Findings) {
        if location.pieces.count > 1, location.leadingText == "//",
            case .variable(.capture(let name)) = location.pieces[1]
        {
            findings.warning(
                "`\(target.key.value)`: the client would choose the host by `{\(name)}`, so that the location gets `/.` in "
                    + "front and stays with this host; write the host before it, such as `//example.com/{\(name)}`",
                at: target.position)
        } else if let name = location.captureInHost {
            findings.warning(
                "`\(target.key.value)`: the client chooses the host that it is sent to, or a part of it, by `{\(name)}`, so "
                    + "that a link to this server can lead anywhere; end the host with a `/` before it",
                at: target.position)
        }
    }
}

extension RedirectSection: Keyed {
    static let usual = RedirectSection()

    static let keys: [SectionKey<RedirectSection>] = [
        SectionKey(
            "to", .text(), "A location, with variables.", words: "a location",
            needed: "\"https://example.com{path}{query}\"",
            told: { $0.running.map { .word($0.location.words) } },
            read: { field, owner, _ in
                owner.to = field
                return true
            }),
        SectionKey(
            "status", .numbers(Bounds.redirectStatuses), "The response's status.",
            told: { $0.status.map { .word("\($0)") } },
            read: { field, owner, findings in
                owner.status = field.node.plainText.flatMap { Int($0) }
                    .flatMap { Bounds.redirectStatuses.contains($0) ? $0 : nil }
                if owner.status == nil {
                    field.reject(expected: Shape.numbers(Bounds.redirectStatuses).words, &findings)
                }
                return owner.status != nil
            }),
    ]
}

extension TextTemplate {
    /// The first capture that decides, alone or with others, which host this leads to.
    fileprivate var captureInHost: String? {
        // Where a host can still begin, and where it can still go on.
        var text = ""
        var isBefore = true
        for piece in pieces {
            switch piece {
            case .literal(let bytes):
                text += String(decoding: bytes, as: UTF8.self)
                if isBefore {
                    if text.hasPrefix("/"), !text.hasPrefix("//"), text.count > 1 { return nil }
                    guard let start = text.firstRange(of: "//") else { continue }
                    text = String(text[start.upperBound...])
                    isBefore = false
                }
                if text.contains(where: { "/?#".contains($0) }) { return nil }
            case .variable(.capture(let name)):
                // A slash alone before it is a path, and stays one (`Redirect.namesItsHost`).
                return isBefore && text == "/" ? nil : name
            case .variable(.path):
                return nil
            case .variable: continue
            }
        }
        return nil
    }

    /// Whether this begins as a location does: with a scheme, a path, or a variable that holds one.
    fileprivate var isLocation: Bool {
        switch firstVariable {
        case .scheme, .path, .capture: return true
        case .some: return false
        case nil: return leadingText.hasPrefix("/") || leadingText.contains("://")
        }
    }

    fileprivate var locationHint: String? {
        if firstVariable == .host { return "the scheme is missing: `{scheme}://{host}...`" }
        guard firstVariable == nil else { return nil }
        return isHostName(leadingText.prefix { $0 != "/" }) && leadingText.contains(".")
            ? "the scheme is missing: `https://\(leadingText)...`" : "a path begins with `/`"
    }
}
