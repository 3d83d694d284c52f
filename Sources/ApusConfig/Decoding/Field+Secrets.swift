/// A secret as it was written: its text, or the file that holds it.
struct SecretSection {
    enum Kind {
        case text(String)
        case file(String)
    }

    let kind: Kind
    /// The key that it was written for.
    let key: String
    let position: SourcePosition

    /// Bytes that a secret has at least.
    static let minimumLength = 16
    /// What makes a good one.
    static let advice = "such as what `openssl rand -base64 24` prints"

    /// Text, or `{ file: ... }`; nil, with an error that says nothing of what was found: whoever reads an error need not be
    /// who may read the secret.
    init?(_ field: Field, _ findings: inout Findings) {
        key = field.key.value
        position = field.position
        if let text = field.node.text {
            kind = .text(text)
            return
        }
        if field.node.isUnknown { return nil }
        let example = "{ file: /run/secrets/apus }"
        guard case .mapping = field.node.content else {
            findings.error(
                "`\(key)`: expected text of at least \(Self.minimumLength) bytes, \(Self.advice), or a file that holds it, "
                    + "`\(example)`", at: field.position)
            return nil
        }
        let file = SecretFileSection(field, example: example, &findings).file
        if file.isEmpty { return nil }
        kind = .file(file)
    }
}

/// A secret's `{ file: ... }`.
struct SecretFileSection: Keyed {
    var file = ""

    static let usual = SecretFileSection()

    static let keys: [SectionKey<SecretFileSection>] = [
        SectionKey(
            "file", \.file, Kind<String>.text("a path") { $0.text(expected: "the path of a file", &$1)?.value },
            "The file that holds it.", needed: "/run/secrets/apus")
    ]
}

extension Validation {
    /// The bytes of a secret; nil, with an error, when there are too few or its file cannot be read.
    mutating func bytes(of secret: SecretSection) -> [UInt8]? {
        var text: String
        switch secret.kind {
        case .text(let written): text = written
        case .file(let path):
            let folder = ConfigurationLoader.folderAndName(of: findings.source(of: secret.position).file).folder
            let full = ConfigurationDocument.joined(folder, path)
            let use = ReachUse.secret(ReachUse.absolute(full), key: secret.key)
            guard let rules = loader.rules(.secret, for: use) else {
                // Another secret than the one in use, whatever it is.
                if loader.limit?.isForComparing == true { return loader.makeSecret() }
                findings.error("`\(secret.key)`: \(use.refusal)", at: secret.position)
                return nil
            }
            findings.note(use, loader.grant(use))
            do throws(any Error) {
                text = try loader.readSecret(full, rules)
            } catch {
                findings.error(
                    "`\(secret.key)`: the file \(Node.quoted(full, by: "`")) cannot be read: \(error)",
                    at: secret.position)
                return nil
            }
            // Editors end a file with a line break that is no part of the secret.
            if text.utf8.last == UInt8(ascii: "\n") { text.removeLast() }
        }
        let count = text.utf8.count
        guard count >= SecretSection.minimumLength else {
            findings.error(
                "`\(secret.key)` has \(count) bytes and could be guessed; expected at least "
                    + "\(SecretSection.minimumLength), \(SecretSection.advice)", at: secret.position)
            return nil
        }
        return Array(text.utf8)
    }
}
