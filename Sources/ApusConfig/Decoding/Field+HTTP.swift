/// Text that is sent in HTTP messages, or looked for in them.
extension Field {
    /// The name of a header (RFC 9110 section 5.1).
    func headerName(_ findings: inout Findings) -> String? {
        token(expected: "the name of a header, such as `X-User`", &findings)
    }

    /// The name of a cookie (RFC 6265 section 4.1.1).
    func cookieName(_ findings: inout Findings) -> String? {
        token(expected: "the name of a cookie, such as `session`", &findings)
    }

    /// A Path attribute of a cookie (RFC 6265 section 4.1.1).
    func cookiePath(_ findings: inout Findings) -> String? {
        guard let path = node.text, path.hasPrefix("/"),
            path.utf8.allSatisfy({ (0x21...0x7e).contains($0) && $0 != UInt8(ascii: ";") })
        else {
            reject(expected: "a path that begins with `/`, without blanks and `;`, such as `/shop`", &findings)
            return nil
        }
        return path
    }

    /// A Domain attribute of a cookie (RFC 6265 section 4.1.1), in lower case.
    func cookieDomain(_ findings: inout Findings) -> String? {
        guard let domain = node.text, isHostName(domain) else {
            let hint = node.text?.hasPrefix(".") == true ? "leave the first dot out" : nil
            reject(expected: "a host name, such as `example.com`", hint: hint, &findings)
            return nil
        }
        return domain.lowercased()
    }

    /// The name of a query parameter, decoded. One with `&`, `=` or `#` is more likely to be more than a name.
    func parameterName(_ findings: inout Findings) -> String? {
        guard let name = node.text, !name.isEmpty,
            name.utf8.allSatisfy({ $0 >= 0x20 && $0 != 0x7f && !"&=#".utf8.contains($0) })
        else {
            reject(
                expected: "the name of a query parameter, decoded, such as `user`, without `&`, `=` and `#`",
                &findings)
            return nil
        }
        return name
    }

    /// A token (RFC 9110 section 5.6.2).
    func token(expected: String, _ findings: inout Findings) -> String? {
        guard let text = node.text, isToken(text) else {
            let hasOthers = node.text.map { !$0.isEmpty && !isToken($0) } ?? false
            reject(
                expected: expected, hint: hasOthers ? "it holds letters, digits and any of \(tokenMarks)" : nil,
                &findings)
            return nil
        }
        return text
    }

    /// The value of a header (RFC 9110 section 5.5): no line breaks or other control characters but tabs, no blanks
    /// around it.
    func headerValue(_ findings: inout Findings) -> String? {
        let blanks: [UInt8] = [0x20, 0x09]
        guard let text = node.text, !text.isEmpty, text.utf8.allSatisfy({ $0 == 0x09 || ($0 >= 0x20 && $0 != 0x7f) }),
            text.utf8.first.map({ !blanks.contains($0) }) == true, text.utf8.last.map({ !blanks.contains($0) }) == true
        else {
            reject(
                expected: "the value of a header: text without control characters, and without blanks around it",
                &findings)
            return nil
        }
        return text
    }

    /// A path as it is sent in a request: visible ASCII, and no fragment (RFC 9112 section 3.2.1).
    func requestPath(_ findings: inout Findings) -> String? {
        guard let path = node.text, path.hasPrefix("/"),
            path.utf8.allSatisfy({ (0x21...0x7e).contains($0) && $0 != UInt8(ascii: "#") })
        else {
            reject(expected: "a path that begins with `/`, without blanks, such as `/healthz`", &findings)
            return nil
        }
        return path
    }

    /// Statuses: one, a range, or a list of those.
    func statuses(in bounds: ClosedRange<Int>, example: String, _ findings: inout Findings) -> [ClosedRange<Int>]? {
        let fields = if case .sequence(let items) = node.content { items.map(item) } else { [self] }
        let expected =
            "a status from \(bounds.lowerBound) to \(bounds.upperBound), a range, or a list such as `\(example)`"
        if fields.isEmpty { reject(expected: expected, hint: "the list is empty", &findings) }
        var statuses: [ClosedRange<Int>] = []
        for field in fields {
            let text = field.node.plainText
            if let range = text.flatMap(Self.range), range.clamped(to: bounds) == range {
                statuses.append(range)
            } else {
                var hint: String?
                if let text, text.utf8.count == 3, text.lowercased().hasSuffix("xx"), let digit = text.first {
                    hint = "write `\(digit)00-\(digit)99`"
                }
                field.reject(expected: expected, hint: hint, &findings)
            }
        }
        return statuses.count == fields.count && !fields.isEmpty ? statuses : nil
    }

    /// `200` or `200-299`.
    private static func range(_ text: String) -> ClosedRange<Int>? {
        let parts = text.utf8.split(separator: UInt8(ascii: "-"), omittingEmptySubsequences: false)
        guard parts.count <= 2, parts.allSatisfy({ $0.count == 3 && $0.allSatisfy(\.isASCIIDigit) }),
            let first = parts.first.flatMap({ Int(Substring($0)) }),
            let last = parts.last.flatMap({ Int(Substring($0)) }), first <= last
        else { return nil }
        return first...last
    }
}

private let tokenMarks = "!#$%&'*+-.^_`|~"

private func isToken(_ text: String) -> Bool {
    !text.isEmpty
        && text.utf8.allSatisfy { $0.isASCIILetter || $0.isASCIIDigit || tokenMarks.utf8.contains($0) }
}
