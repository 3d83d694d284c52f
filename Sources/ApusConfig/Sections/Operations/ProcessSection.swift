import ApusModel

/// `process`: whom the process becomes.
struct ProcessSection {
    var user: String?
    var group: String?

    init() {}

    init(_ operations: Operations) {
        user = operations.user
        group = operations.group
    }
}

extension ProcessSection: Keyed {
    static let usual = ProcessSection()

    static let keys: [SectionKey<ProcessSection>] = [
        SectionKey(
            "user", \.user, account.called("the name of a user").ifWritten,
            "Whom the process becomes, first of all, where root started it.", usually: "the one that started it",
            change: .restart),
        SectionKey(
            "group", \.group, account.called("the name of a group").ifWritten, "The group that it becomes.",
            usually: "the user's", change: .restart),
    ]

    mutating func check(_ written: WrittenKeys, _ findings: inout Findings) {
        guard let group = written["group"], written["user"] == nil else { return }
        findings.error(
            "`group` has no effect without `user`: the process stays who it is; add the user", at: group.key.position)
    }

    /// The name of a user or a group (useradd(8)), or its number.
    private static let account = Kind<String>.text("a name") { field, findings in
        guard let name = field.node.text, (1...32).contains(name.utf8.count), name.utf8.first != UInt8(ascii: "-"),
            name.utf8.allSatisfy({ $0.isASCIILetter || $0.isASCIIDigit || "-_.".utf8.contains($0) })
        else {
            field.reject(expected: "the name of a \(field.key.value), such as `apus`", &findings)
            return nil
        }
        return name
    }
}
