import ApusHTTP
import ApusModel
import ApusRouting

/// `client_headers`: which headers of clients are removed because of their names.
extension ClientFields: Keyed {
    static let usual = ClientFields()

    static let keys: [SectionKey<ClientFields>] = [
        SectionKey(
            "remove", Shape.text().oneOrMore, "Headers that only trusted proxies may send, besides the usual ones.",
            words: "a header, or a list of them", usually: "none",
            told: { .word($0.removed.isEmpty ? "none" : $0.removed.joined(separator: ", ")) }),
        SectionKey(
            "keep", Shape.text().oneOrMore, "Headers of the usual ones that every client may send.",
            words: "a header, or a list of them", usually: "none",
            told: { .word($0.kept.isEmpty ? "none" : $0.kept.joined(separator: ", ")) }),
        SectionKey(
            "underscores", \.keepsUnderscores, Kind.words("drop", "keep"), "What becomes of names with underscores."),
    ]

    mutating func check(_ written: WrittenKeys, _ findings: inout Findings) {
        var places: [String: SourcePosition] = [:]
        if let remove = written["remove"] {
            removed = Self.names(remove, &places, &findings, check: Self.checkRemoved)
        }
        if let keep = written["keep"] { kept = Self.names(keep, &places, &findings, check: Self.checkKept) }
    }

    /// A name, or a list of names that are all different.
    private static func names(
        _ field: Field, _ places: inout [String: SourcePosition], _ findings: inout Findings,
        check: (String, Field, inout Findings) -> Bool
    ) -> [String] {
        let items = if case .sequence(let items) = field.node.content { items.map(field.item) } else { [field] }
        return items.compactMap { item in
            guard let name = item.headerName(&findings) else { return nil }
            if let other = places.updateValue(item.position, forKey: FieldEdit.remove(name: name).foldedName) {
                findings.error(
                    "the header `\(name)` is named in \(findings.told(other, from: item.position)) already; keep one of them",
                    at: item.position)
                return nil
            }
            return check(name, item, &findings) ? name : nil
        }
    }

    private static func checkRemoved(_ name: String, _ field: Field, _ findings: inout Findings) -> Bool {
        switch ClientFieldRules.role(of: name) {
        case .other: break
        case .understood:
            findings.error(
                "`\(name)` cannot be removed: it says where the request goes, where it ends or what becomes of its "
                    + "connection, which Apus does itself", at: field.position)
            return false
        case .mark:
            findings.error(
                "`\(name)` cannot be removed: by it Apus knows requests that come back to it (508, `loop_detected`)",
                at: field.position)
            return false
        case .written, .claim:
            findings.warning("`\(name)` is removed anyway, unless a trusted proxy sends it", at: field.position)
        }
        return true
    }

    private static func checkKept(_ name: String, _ field: Field, _ findings: inout Findings) -> Bool {
        switch ClientFieldRules.role(of: name) {
        case .claim: return true
        case .written:
            findings.error(
                "`\(name)` is written by Apus, so that what a client says cannot be kept beside it; if the client is a "
                    + "proxy of yours, name its network in `trusted_proxies`", at: field.position)
            return false
        case .other, .understood, .mark:
            findings.warning("`keep` has no effect: `\(name)` is not removed for its name", at: field.position)
            return true
        }
    }
}
