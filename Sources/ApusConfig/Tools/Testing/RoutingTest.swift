import ApusAddresses
import ApusModel

/// A request and what is to become of it, as a file of tests says it.
struct RoutingTest: Sendable {
    /// Something that is to be so.
    struct Expectation: Sendable {
        var what: String
        var expected: String
        var position: SourcePosition
        /// What is so instead; nil where all is as expected.
        var mismatch: @Sendable (RequestExplanation) -> String?
    }

    var name: String
    var position: SourcePosition
    var request: DescribedRequest
    var expectations: [Expectation] = []

    /// Reads `tests: [...]`.
    static func list(_ document: Node, _ findings: inout Findings) -> [RoutingTest] {
        let example = "tests: [{ request: { url: /v1 }, expect: { pool: api } }]"
        guard
            var section = Section(document, "a file of tests", example: example, at: .start, &findings)
        else { return [] }
        defer { section.finish(&findings) }
        guard let field = section.require("tests", example: "[...]"),
            let items = field.list(of: "tests", example: example, &findings)
        else { return [] }
        if items.isEmpty { findings.error("`tests` is empty; expected at least one", at: field.position) }
        let tests = items.enumerated().compactMap { RoutingTest($0.element, number: $0.offset + 1, &findings) }
        return tests
    }

    private init?(_ node: Node, number: Int, _ findings: inout Findings) {
        guard
            var section = Section(
                node, "a test", example: "{ request: { url: /v1 }, expect: { pool: api } }", at: node.position,
                &findings)
        else { return nil }
        position = section.position
        name = section.take("name")?.text(expected: "a name", &findings)?.value ?? ""
        let request = section.require("request", example: "{ url: /v1 }")
        let expect = section.require("expect", example: "{ pool: api }")
        section.finish(&findings)
        self.request = DescribedRequest(method: "GET", url: "/")
        guard let request, let expect else { return nil }
        guard let described = Self.request(request, &findings) else { return nil }
        self.request = described
        if name.isEmpty { name = "\(number): \(described.method) \(described.url)" }
        readExpectations(expect, &findings)
    }

    // MARK: - The request

    private static func request(_ field: Field, _ findings: inout Findings) -> DescribedRequest? {
        guard var section = Section(field, "a request", example: "{ method: GET, url: /v1 }", &findings) else {
            return nil
        }
        defer { section.finish(&findings) }
        let method = section.take("method")?.text(expected: "a method such as `GET`", &findings)?.value ?? "GET"
        let address = section.take("client")
        let listener = section.take("listener")?.text(expected: "the name of a listener", &findings)?.value
        let certificate = section.take("client_certificate").map { clientNames($0, &findings) }
        let headers = section.take("headers").map { Self.headers($0, &findings) } ?? []
        guard
            let url = section.require("url", example: "https://example.com/v1")?
                .text(expected: "a URL or a path", &findings)
        else { return nil }
        var request = DescribedRequest(
            method: method, url: url.value, headers: headers, listener: listener, clientCertificate: certificate)
        if request.parts == nil {
            findings.error(
                "`url`: expected a URL such as `https://example.com/v1`, or a path, found `\(url.value)`",
                at: url.position)
        }
        if let address {
            if let client = address.node.text.flatMap({ IPAddress($0) }) {
                request.client = client
            } else {
                address.reject(expected: "an address such as `10.1.2.3`", &findings)
            }
        }
        return request
    }

    /// One name, or a list of them.
    private static func clientNames(_ field: Field, _ findings: inout Findings) -> [String] {
        var items = [field]
        if case .sequence(let nodes) = field.node.content { items = nodes.map { field.item($0) } }
        return items.compactMap {
            $0.text(expected: "a name such as `spiffe://example.org/web` or `CN=alice`", &findings)?.value
        }
    }

    private static func headers(_ field: Field, _ findings: inout Findings) -> [DescribedRequest.Header] {
        guard case .mapping(let entries) = field.node.content else {
            field.reject(expected: "a mapping from names to values, such as `{ X-Tenant: acme }`", &findings)
            return []
        }
        return entries.compactMap { entry in
            let value = Field(key: entry.key, node: entry.value)
            guard let text = entry.value.text,
                !(entry.key.value + text).unicodeScalars.contains(where: { $0.value < 0x20 })
            else {
                value.reject(expected: "a value on one line", &findings)
                return nil
            }
            return .init(name: entry.key.value, value: text)
        }
    }
}
