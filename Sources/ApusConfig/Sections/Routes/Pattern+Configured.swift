import ApusAddresses
import ApusModel
import ApusRouting

extension HostPattern {
    struct Refusal: Error { var advice: String? }

    /// `example.com`, `*.example.com`, an IPv4 address, or an IPv6 address in brackets; in any case, a final dot aside.
    init(configured text: String) throws(Refusal) {
        let isSuffix = text.hasPrefix("*.")
        let written = text.utf8.dropFirst(isSuffix ? 2 : 0)
        let name = written.last == UInt8(ascii: ".") ? written.dropLast() : written
        if isHostName(name) {
            let bytes = name.map { $0.isASCIILetter ? $0 | 0x20 : $0 }
            self = isSuffix ? .suffix([UInt8(ascii: ".")] + bytes) : .exact(bytes)
            return
        }
        if let address = Self.bracketedAddress(text) {
            self = .exact(Array("[\(address)]".utf8))
            return
        }
        if text == "*" { throw Refusal(advice: "leave `host` out to match every host") }
        if text.contains("://") { throw Refusal(advice: "leave the scheme out") }
        if text.contains("/") { throw Refusal(advice: "a host has no path; write it as `path`") }
        if text.contains(":") { throw Refusal(advice: "leave the port out: routes match the host alone") }
        if !text.utf8.allSatisfy({ $0 < 0x80 }) {
            throw Refusal(advice: "write an internationalised name in its ASCII form (xn--...)")
        }
        throw Refusal(advice: name.contains(UInt8(ascii: "*")) ? "`*` may only be the first label" : nil)
    }

    private static func bracketedAddress(_ text: String) -> IPAddress? {
        guard text.hasPrefix("["), text.hasSuffix("]"), text.contains(":") else { return nil }
        return IPAddress(text.dropFirst().dropLast())
    }
}

extension PathPattern {
    struct Refusal: Error {
        var advice: String?
        /// Characters before what is wrong; nil where the whole of it is.
        var offset: Int?
    }

    /// `/v1` for exactly this path, `/v1/*` for it and all below, `/*` for every path, `/users/{id}` for a template,
    /// `~ ^/v[12]/` for a regular expression.
    init(configured text: String) throws(Refusal) {
        if text.hasPrefix("~") {
            self = try Self.regex(text)
            return
        }
        guard text.hasPrefix("/") else {
            if text == "*" { throw Refusal(advice: "leave `path` out to match every path") }
            guard !text.hasPrefix("^") else {
                throw Refusal(advice: "a regular expression stands behind `~` and a blank: `\"~ \(text)\"`")
            }
            throw Refusal(advice: "a path begins with `/`")
        }
        if text.utf8.contains(where: { $0 == UInt8(ascii: "{") || $0 == UInt8(ascii: "}") }) {
            do throws(PathTemplateError) {
                self = .template(try PathTemplate(text))
                return
            } catch {
                throw Refusal(advice: error.message, offset: error.offset)
            }
        }
        if text.utf8.contains(where: { $0 == UInt8(ascii: "?") || $0 == UInt8(ascii: "#") }) {
            throw Refusal(advice: "routes match the path alone, without its query")
        }
        guard text.utf8.allSatisfy({ (0x21...0x7e).contains($0) }) else {
            throw Refusal(advice: "write blanks and characters beyond ASCII as they are sent, such as `%20`")
        }
        let isPrefix = text.hasSuffix("/*")
        let path = text.utf8.dropLast(isPrefix ? 2 : 0)
        if path.contains(UInt8(ascii: "*")) {
            throw Refusal(advice: "`*` may only be the last segment; `{name}` stands for one segment anywhere")
        }
        let bytes = Array(path)
        self = isPrefix ? (bytes.isEmpty ? .any : .prefix(bytes)) : .exact(bytes)
    }

    private static func regex(_ text: String) throws(Refusal) -> PathPattern {
        guard text.hasPrefix("~ ") else {
            throw Refusal(advice: "a blank stands between `~` and a regular expression: `~ \(text.dropFirst())`")
        }
        let pattern = text.dropFirst(2).drop { $0 == " " }
        let skipped = text.unicodeScalars.count - pattern.unicodeScalars.count
        guard !pattern.isEmpty else { throw Refusal(advice: "the regular expression is missing") }
        do throws(RegularExpressionError) {
            return .regex(try RegularExpression(String(pattern)))
        } catch {
            throw Refusal(advice: error.message, offset: skipped + error.offset)
        }
    }
}

extension Field {
    /// The text of a regular expression, alone.
    func regularExpression(_ findings: inout Findings) -> RegularExpression? {
        guard let text = node.text, !text.isEmpty else {
            reject(expected: "a regular expression, such as `\"^v[12]$\"`", &findings)
            return nil
        }
        do throws(RegularExpressionError) {
            return try RegularExpression(text)
        } catch {
            let place = findings.position(of: text, offset: error.offset, at: position)
            findings.error("`\(key.value)`: \(error.message)", at: place)
            return nil
        }
    }
}
