import ApusModel

/// How the process is run: the sections `admin`, `process`, `state` and `watch`.
struct OperationsSection {
    var admin: [AdminSection] = []
    var operations = Operations()

    init() {}

    init(_ section: inout Section, _ findings: inout Findings) {
        if let field = section.take("admin") { admin = AdminSection.list(field, &findings) }
        if let field = section.take("process") { readProcess(field, &findings) }
        if let field = section.take("state") { readState(field, &findings) }
        if var field = section.take("watch"), !field.isOff {
            field.alternative = "off"
            operations.watchInterval =
                field.node.plainText == "on" ? .seconds(2) : field.duration(in: Bounds.watchIntervals, &findings)
        }
    }

    private mutating func readProcess(_ field: Field, _ findings: inout Findings) {
        guard var section = Section(field, "`process`", example: "{ user: apus }", &findings) else { return }
        let user = section.take("user")
        let group = section.take("group")
        operations.user = user.flatMap { Self.account($0, &findings) }
        operations.group = group.flatMap { Self.account($0, &findings) }
        section.finish(&findings)
        if let group, user == nil {
            findings.error(
                "`group` has no effect without `user`: the process stays who it is; add the user",
                at: group.key.position)
        }
    }

    /// The name of a user or a group (useradd(8)), or its number.
    private static func account(_ field: Field, _ findings: inout Findings) -> String? {
        guard let name = field.node.text, (1...32).contains(name.utf8.count), name.utf8.first != UInt8(ascii: "-"),
            name.utf8.allSatisfy({ $0.isASCIILetter || $0.isASCIIDigit || "-_.".utf8.contains($0) })
        else {
            field.reject(expected: "the name of a \(field.key.value), such as `apus`", &findings)
            return nil
        }
        return name
    }

    /// A directory, or a mapping.
    private mutating func readState(_ field: Field, _ findings: inout Findings) {
        if field.isOff { return }
        guard case .mapping = field.node.content else {
            var field = field
            field.alternative = "off"
            operations.stateDirectory = field.absolutePath(example: "/var/lib/apus", &findings)
            return
        }
        let example = "{ directory: /var/lib/apus }"
        guard var section = Section(field, "`state`", example: example, &findings) else { return }
        operations.stateDirectory = section.require("directory", example: "/var/lib/apus")?
            .absolutePath(example: "/var/lib/apus", &findings)
        section.read("keep", into: &operations.keptRevisions, in: Bounds.keptRevisions, &findings)
        section.finish(&findings)
    }
}
