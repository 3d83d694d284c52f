import ApusModel

extension Kind where Value == TLSVersion {
    /// A version that is spoken.
    static var version: Kind {
        let choice = Kind.choice
        return Kind(
            choice.shape, told: choice.told,
            read: { field, findings in
                guard let text = field.node.text, TLSVersion(rawValue: text) == nil else {
                    return choice.read(field, &findings)
                }
                let number = text.lowercased().replacing("_", with: ".").trimmingPrefix(/(ssl|tls)? ?v?/)
                var hint = TLSVersion(rawValue: String(number)).map { "here it is `\($0.rawValue)`" }
                if ["1", "1.0", "1.1"].contains(number) { hint = "TLS 1.0 and 1.1 are not spoken (RFC 8996)" }
                if text.lowercased().hasPrefix("ssl") { hint = "SSL is not spoken (RFC 7568)" }
                field.reject(expected: "one of `1.2`, `1.3`", hint: hint, &findings)
                return nil
            })
    }
}

/// Lists of words, the preferred first.
extension Kind {
    static func ordered<Word: RawRepresentable<String> & CaseIterable & Sendable & Hashable>(
        _ type: Word.Type = Word.self, example: String
    ) -> Kind where Value == [Word] {
        Kind(
            .list(of: .words(Word.allCases.map(\.rawValue))), words: "a list, the preferred first",
            told: { .word("[" + $0.map(\.rawValue).joined(separator: ", ") + "]") },
            read: { field, findings in
                guard let items = field.list(of: "`\(field.key.value)`", example: example, &findings) else {
                    return nil
                }
                let read = items.map { field.item($0).choice(of: Word.self, &findings) }
                let words = read.compactMap(\.self)
                guard words.count == items.count else { return nil }
                guard !words.isEmpty else {
                    findings.error(
                        "`\(field.key.value)` is empty; expected at least one, such as `\(example)`", at: field.position
                    )
                    return nil
                }
                guard Set(words).count == words.count else {
                    findings.error("`\(field.key.value)` has a word twice; keep one", at: field.position)
                    return nil
                }
                return words
            })
    }
}
