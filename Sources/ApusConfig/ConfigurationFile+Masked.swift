extension ConfigurationFile {
    /// The text as it may be shown: secrets that are spelled out in it are `********`, too short to be taken for secrets
    /// should the text be given back. Lines keep their numbers.
    ///
    /// Linear in the text.
    public var maskedText: String {
        let source = Source(file: path, text: text)
        var findings = Findings()
        // What comes from the environment does not stand in the text.
        let document = Node(parsing: text, source: findings.add(source), variables: Variables { _ in "" }, &findings)
        let mask = SecretMask([source], [document].compactMap(\.self), hidesSends: true)
        return source.lines.enumerated().map { index, line in
            Self.shortened(mask.masked(line: String(line), number: index + 1, source: 0), from: String(line))
        }.joined(separator: "\n")
    }

    /// Writes each secret with the same number of stars, so that its length is not told.
    private static func shortened(_ masked: String, from original: String) -> String {
        guard masked != original else { return original }
        var shown = String.UnicodeScalarView()
        var isWithin = false
        for (scalar, before) in zip(masked.unicodeScalars, original.unicodeScalars) {
            if scalar == "*", before != "*" || isWithin {
                if !isWithin { shown.append(contentsOf: "********".unicodeScalars) }
                isWithin = true
            } else {
                shown.append(scalar)
                isWithin = false
            }
        }
        return String(shown)
    }
}
