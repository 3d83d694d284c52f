/// A section of the configuration whose keys are declared once: reading, JSON Schema, `Settings`, the reference table and
/// the advice on keys all come from `keys`.
protocol Keyed: Sendable {
    /// What holds where nothing is written. A required key has any value here.
    static var usual: Self { get }
    /// In the order in which the reference and error messages list them.
    static var keys: [SectionKey<Self>] { get }

    /// Checks what the keys say about each other, after all of them were read.
    mutating func check(_ written: WrittenKeys, _ findings: inout Findings)
}

extension Keyed {
    mutating func check(_ written: WrittenKeys, _ findings: inout Findings) {}

    /// What is said of the keys to editors, readers of the reference and the fuzzer.
    static var shape: Shape { .section(keys.map(\.described)) }

    /// What `field` says, over the defaults; the defaults, with an error in `findings`, when it is not a mapping.
    init(_ field: Field, _ what: String? = nil, example: String, _ findings: inout Findings) {
        self = Self.usual
        let what = what ?? "`\(field.key.value)`"
        guard var section = Section(field, what, example: example, &findings) else { return }
        read(&section, of: field.key, &findings)
    }

    /// Takes every key, reports what was not expected, and checks.
    ///
    /// - Parameters:
    ///   - key: the section's, where an error about the section as a whole points.
    ///   - otherwise: what an error says about an unknown key that nothing else explains.
    mutating func read(
        _ section: inout Section, of key: Located<String>, otherwise: String? = nil, _ findings: inout Findings
    ) {
        var fields: [(key: SectionKey<Self>, field: Field)] = []
        for key in Self.keys {
            let field =
                if let example = key.example { section.require(key.name, example: example) } else {
                    section.take(key.name)
                }
            if let field { fields.append((key, field)) }
        }
        section.finish(&findings, otherwise: otherwise)
        var written = WrittenKeys(section, named: key.value, at: key.position)
        for (key, field) in fields { written.note(field, isRight: key.read(field, &self, &findings)) }
        check(written, &findings)
    }
}
