/// A text with the variables of the environment filled in: `${NAME}` and `${NAME:-default}`; `$${` is a literal `${`.
struct Substitution {
    private(set) var text = ""
    private(set) var hasVariables = false
    /// Whether the text is one variable and nothing else.
    private(set) var isOneVariable = false

    /// Why a text cannot be filled in.
    struct Failure: Error {
        let message: String
        /// Characters before it.
        let offset: Int
    }

    /// - Parameter environment: the value of a variable; throws words when it may not be used.
    init(
        of written: String, _ environment: (String) throws(VariableRefusal) -> String?
    ) throws(Failure) {
        var rest = written.unicodeScalars[...]
        var filled = String.UnicodeScalarView()
        while let dollar = rest.firstIndex(of: "$") {
            filled += rest[..<dollar]
            let offset = written.unicodeScalars.distance(from: written.startIndex, to: dollar)
            rest = rest[dollar...]
            if Self.take("$${", from: &rest) {
                filled += "${".unicodeScalars
            } else if Self.take("${", from: &rest) {
                guard let end = rest.firstIndex(of: "}") else {
                    throw Failure(
                        message: "`${` begins a variable of the environment and no `}` ends it; write `$${` for the "
                            + "characters themselves", offset: offset)
                }
                let value = try Self.value(of: rest[..<end], at: offset, environment)
                filled += value.unicodeScalars
                rest = rest[rest.index(after: end)...]
                isOneVariable = offset == 0 && rest.isEmpty
                hasVariables = true
            } else {
                filled.append("$")
                rest.removeFirst()
            }
        }
        filled += rest
        text = String(filled)
    }

    private static func take(_ prefix: String, from rest: inout Substring.UnicodeScalarView) -> Bool {
        guard rest.starts(with: prefix.unicodeScalars) else { return false }
        rest.removeFirst(prefix.unicodeScalars.count)
        return true
    }

    private static func value(
        of reference: Substring.UnicodeScalarView, at offset: Int,
        _ environment: (String) throws(VariableRefusal) -> String?
    ) throws(Failure) -> String {
        let text = String(reference)
        let name: String
        var fallback: String?
        if let mark = text.firstRange(of: ":-") {
            name = String(text[..<mark.lowerBound])
            fallback = String(text[mark.upperBound...])
        } else {
            name = text
        }
        guard isVariableName(name) else {
            throw Failure(
                message: "expected the name of an environment variable between `${` and `}`, made of A-Z, a-z, 0-9 and "
                    + "`_`; write `$${` for the characters themselves", offset: offset)
        }
        let known: String?
        do throws(VariableRefusal) {
            known = try environment(name)
        } catch {
            throw Failure(message: error.message, offset: offset)
        }
        if let value = known ?? fallback { return value }
        throw Failure(
            message: "the environment variable `\(name)` is not set; set it, or write what stands for it then: "
                + "`${\(name):-...}`", offset: offset)
    }

    private static func isVariableName(_ name: String) -> Bool {
        guard let first = name.utf8.first, !first.isASCIIDigit else { return false }
        return name.utf8.allSatisfy { $0.isASCIILetter || $0.isASCIIDigit || $0 == UInt8(ascii: "_") }
    }
}

/// Why a variable may not be used.
struct VariableRefusal: Error {
    let message: String
}

/// The variables of the environment that a text may use.
struct Variables {
    var value: (String) -> String?
    /// Nil when it may use all of them.
    var limit: ReachLimit?

    /// - Parameters:
    ///   - place: where in the document it stands.
    ///   - text: all that is written there.
    func value(of name: String, place: String, in text: String) throws(VariableRefusal) -> String? {
        let use = ReachUse.variable(name, place: place, text: text)
        if let limit, limit.grant(use) == nil { throw VariableRefusal(message: use.refusal) }
        return value(name)
    }
}
