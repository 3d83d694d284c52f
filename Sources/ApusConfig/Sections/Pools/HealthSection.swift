import ApusModel

extension HealthCheck: Keyed {
    static let usual = HealthCheck()

    static let keys: [SectionKey<HealthCheck>] = [
        SectionKey(
            "path", .text(), "The path that is requested. Without it, the check is by TCP.", words: "a path",
            usually: "none: checked by TCP",
            told: { $0.http.map { .word($0.path) } }),
        SectionKey(
            "method", .text(), "The method of the request.", words: "a method", usually: HTTPProbe(path: "/").method,
            told: { $0.http.map { .word($0.method) } }),
        SectionKey(
            "host", .text(), "The Host that is sent.", words: "a host, with or without a port",
            usually: "the endpoint's address", told: { $0.http?.host.map { .word($0) } }),
        SectionKey(
            "headers", .names(of: .text()), "Further headers that are sent.",
            words: "a mapping from names to values", usually: "none",
            told: { .section(Settings(headers: $0.http?.headers ?? [])) }),
        // What is sent may hold a password.
        SectionKey(
            "send", .text(), "What is sent by TCP.",
            told: { if case .tcpExchange(let send, _) = $0.probe { .concealed(send) } else { nil } }),
        SectionKey(
            "expect", ExpectSection.shape, "What the answer must be.",
            told: { .section(Settings(ExpectSection($0.probe))) }),
        SectionKey("interval", \.interval, Kind.duration(), "Time between the checks of one endpoint."),
        SectionKey(
            "down_interval", \.downInterval, Kind.duration().ifWritten, "The same while the endpoint is out of use.",
            usually: "`500ms`, or `interval` if that is less"),
        SectionKey("timeout", \.timeout, Kind.duration(), "How long a check may take."),
        SectionKey("rise", \.rise, Kind.integer(in: Bounds.probesInARow), "Successes until an endpoint is up."),
        SectionKey("fall", \.fall, Kind.integer(in: Bounds.probesInARow), "Failures until it is down."),
        SectionKey(
            "port", \.port,
            Kind.integer(in: Bounds.ports).mapped({ UInt16($0) }, back: { Int($0) }).ifWritten,
            "Where endpoints are checked.", usually: "the endpoint's own"),
        SectionKey(
            "tls", \.speaksTLS, Kind.onOrOff, "Whether they are checked by TLS, in a pool with `tls`."),
    ]

    /// `tcp`, `off`, `none`, or a mapping: with a path it probes by HTTP, without one by TCP.
    static let kind = Kind<HealthCheck>(
        shape.or("tcp", "off", "none"), words: "`tcp`, `off`, or a mapping",
        told: { health in health.probe == .none ? .word("off") : .section(Settings(health)) },
        read: HealthCheck.read)

    private static func read(_ field: Field, _ findings: inout Findings) -> HealthCheck? {
        if case .mapping = field.node.content { return HealthCheck(field, example: "{ path: /healthz }", &findings) }
        switch field.node.plainText {
        case "tcp": return HealthCheck(probe: .tcp)
        case "off", "none": return HealthCheck(probe: .none)
        default: break
        }
        let hint: String? =
            switch field.node.repeatableText {
            case "http": "an HTTP check needs a path: `{ path: /healthz }`"
            case let path? where path.hasPrefix("/"): "for a check by HTTP write `{ path: \(path) }`"
            case "true", "on", "yes": "`tcp` is what there is without it"
            case "false", "no": "write `off`"
            default: nil
            }
        field.reject(expected: "`tcp`, `off` or a mapping such as `{ path: /healthz }`", hint: hint, &findings)
        return nil
    }

    private var http: HTTPProbe? { if case .http(let probe) = probe { probe } else { nil } }

    mutating func check(_ written: WrittenKeys, _ findings: inout Findings) {
        let path = written["path"]
        let request = written.these(["method", "host", "headers"])
        let send = written["send"]
        let expect = written["expect"].flatMap { ExpectSection($0, isHTTP: path != nil, &findings) }
        if let path {
            if let send {
                findings.error(
                    "`send` belongs to a check by TCP, and `path` to one by HTTP; keep one of them",
                    at: send.key.position)
            }
            probe = .http(HTTPProbe(path, request, expect, &findings))
            return
        }
        for field in request {
            findings.error(
                "`\(field.key.value)` belongs to a check by HTTP; add `path`, such as `path: /healthz`",
                at: field.key.position)
        }
        let sent = send.flatMap { $0.text(expected: "text to send, such as `\"PING\\r\\n\"`", &findings) }
        if let reply = expect?.reply {
            probe = .tcpExchange(send: Array((sent?.value ?? "").utf8), expect: Array(reply.utf8))
        } else if let send, expect == nil {
            findings.error(
                "`send` needs the answer that is good, such as `expect: { reply: \"+PONG\" }`", at: send.key.position)
        }
    }
}

extension Settings {
    fileprivate init(headers: [HTTPProbe.Header]) {
        for header in headers { addField(header.name, named: header.name, header.value) }
    }
}
