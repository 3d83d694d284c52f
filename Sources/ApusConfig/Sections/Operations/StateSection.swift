import ApusModel

/// `state`: where revisions are kept.
struct StateSection {
    /// Nil to keep none.
    var directory: String?
    var kept = Operations().keptRevisions

    init() {}

    init(_ operations: Operations) {
        directory = operations.stateDirectory
        kept = operations.keptRevisions
    }

    private static let path = Kind<String>.text("an absolute path", pattern: "^/|\\$\\{") { field, findings in
        field.absolutePath(example: "/var/lib/apus", &findings)
    }

    /// A directory, or a mapping.
    static let kind = Kind<StateSection>(
        .either([shape, .text(pattern: "^(/|off$)|\\$\\{"), .words(["off"])]),
        words: "an absolute path, a mapping, or `off`", told: { .section(Settings($0)) },
        read: { field, findings in
            if field.isOff { return StateSection() }
            if case .mapping = field.node.content {
                return StateSection(field, example: "{ directory: /var/lib/apus }", &findings)
            }
            var field = field
            field.alternative = "off"
            var state = StateSection()
            state.directory = path.read(field, &findings)
            return state
        })
}

extension StateSection: Keyed {
    static let usual = StateSection()

    static let keys: [SectionKey<StateSection>] = [
        SectionKey(
            "directory", \.directory, path.ifWritten, "Where revisions are kept.", needed: "/var/lib/apus",
            change: .upgrade),
        SectionKey("keep", \.kept, Kind.integer(in: Bounds.keptRevisions), "How many revisions are kept."),
    ]
}
