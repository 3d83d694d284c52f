import ApusModel

extension HealthCheck {
    /// `tcp`, `off`, `none`, or a mapping: with a path it probes by HTTP, without one by TCP.
    init(_ field: Field, _ findings: inout Findings) {
        self.init()
        switch field.node.content {
        case .mapping: read(field, &findings)
        case .scalar where field.node.plainText == "tcp": probe = .tcp
        case .scalar where ["off", "none"].contains(field.node.plainText): probe = .none
        case .scalar, .sequence:
            let hint = field.node.plainText == "http" ? "an HTTP check needs a path: `{ path: /healthz }`" : nil
            field.reject(expected: "`tcp`, `off` or a mapping such as `{ path: /healthz }`", hint: hint, &findings)
        }
    }

    private mutating func read(_ field: Field, _ findings: inout Findings) {
        guard var section = Section(field, "`health`", example: "{ path: /healthz }", &findings) else { return }
        if let path = section.take("path") { readPath(path, &findings) }
        section.read("interval", into: &interval, &findings)
        section.read("timeout", into: &timeout, &findings)
        section.read("rise", into: &rise, in: 1...1000, &findings)
        section.read("fall", into: &fall, in: 1...1000, &findings)
        section.finish(&findings)
    }

    private mutating func readPath(_ field: Field, _ findings: inout Findings) {
        // It is sent as a request target: visible ASCII, and no fragment (RFC 9112 section 3.2.1).
        guard let path = field.node.text, path.hasPrefix("/"),
            path.utf8.allSatisfy({ (0x21...0x7e).contains($0) && $0 != UInt8(ascii: "#") })
        else {
            field.reject(expected: "a path that begins with `/`, without blanks, such as `/healthz`", &findings)
            return
        }
        probe = .http(path: path)
    }
}
