// Sections within sections.

extension Kind where Value: Keyed {
    /// A mapping that is always in force.
    static func section(example: String, what: String? = nil) -> Kind {
        Kind(
            Value.shape, told: { .section(Settings($0)) },
            read: { field, findings in
                Value(field, what, example: example, &findings)
            })
    }

    /// A mapping, or `off`, which stands for one of its values.
    static func section(off: Value, example: String) -> Kind {
        Kind(
            Value.shape.or("off"), told: { .section(Settings($0)) },
            read: { field, findings in
                switch Setting(field, word: nil, example: example, &findings) {
                case nil, .on: return nil
                case .off: return off
                case .section(var section):
                    var value = Value.usual
                    value.read(&section, of: field.key, &findings)
                    return value
                }
            })
    }

    /// A mapping, or `off`, which is the default.
    ///
    /// - Parameter word: what turns it on with every default; nil for a section that must be told something.
    static func switched(_ word: String? = "on", example: String) -> Kind<Value?> {
        let words = [word, "off"].compactMap(\.self)
        return Kind<Value?>(
            .either([.words(words), Value.shape]),
            told: { $0.map { .section(Settings($0)) } ?? .word("off") },
            read: { field, findings in
                switch Setting(field, word: word, example: example, &findings) {
                case nil: return nil
                case .off: return .some(nil)
                case .on: return .some(Value.usual)
                case .section(var section):
                    var value = Value.usual
                    value.read(&section, of: field.key, &findings)
                    return .some(value)
                }
            })
    }
}
