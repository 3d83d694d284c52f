import ApusModel

// Words and texts.

extension Kind where Value == Bool {
    /// `true` or `false`.
    static var flag: Kind {
        Kind(.flag, told: { .word("\($0)") }, read: { $0.flag(&$1) })
    }

    /// Two words; the first stands for false.
    static func words(_ no: String, _ yes: String) -> Kind {
        Kind(
            .words([no, yes]), told: { .word($0 ? yes : no) }, read: { $0.word(of: [(no, false), (yes, true)], &$1) })
    }

    /// `on` or `off`.
    static var onOrOff: Kind {
        Kind(.words(["on", "off"]), told: { .word($0 ? "on" : "off") }, read: { $0.isOn(&$1) })
    }
}

extension Kind where Value: RawRepresentable<String> & CaseIterable {
    /// One of the type's words.
    static var choice: Kind {
        Kind(
            .words(Value.allCases.map(\.rawValue)), told: { .word($0.rawValue) },
            read: { $0.choice(of: Value.self, &$1) })
    }
}

extension Kind where Value == String {
    /// A name of one of Apus's own things.
    static var name: Kind {
        Kind(.named(.name), told: { .word($0) }, read: { $0.name(&$1)?.value })
    }

    /// The name of a header.
    static var headerName: Kind { text("the name of a header") { $0.headerName(&$1) } }

    /// A text that `read` reads.
    static func text(
        _ words: String, pattern: String? = nil, read: @escaping @Sendable (Field, inout Findings) -> String?
    ) -> Kind {
        Kind(.text(pattern: pattern), words: words, told: { .word($0) }, read: read)
    }
}
