import ApusModel

/// One entry of `listeners`.
struct ListenerSection {
    var position = SourcePosition.start
    var name: Located<String>?
    var bind: Located<Authority>?
    var paths = PathRule.safe
    var hidesReasons = false
    var servesHalfClosed = false
    var tls: ListenerTLSSection?
    /// `tls` was written, and not as it must be.
    private(set) var isTLSWrong = false
    var proxyProtocol: ProxyProtocolSection?
    var redirectsToHTTPS = false
    /// Nil when `routes` was left out.
    var routes: [RouteSection]?

    static let kind = Kind<[ListenerSection]>(.list(of: shape), told: { _ in nil }, read: { list($0, &$1) })

    private static func list(_ field: Field, _ findings: inout Findings) -> [ListenerSection] {
        let example = "[{ bind: 127.0.0.1:8080 }]"
        guard let items = field.list(of: "listeners", example: example, &findings) else { return [] }
        if items.isEmpty {
            findings.error("`listeners` is empty; expected at least one, such as `\(example)`", at: field.position)
        }
        return items.enumerated().compactMap { ListenerSection($0.element, isFirst: $0.offset == 0, &findings) }
    }

    private init() {}

    private init?(_ node: Node, isFirst: Bool, _ findings: inout Findings) {
        guard
            var section = Section(
                node, "a listener", example: "{ bind: 127.0.0.1:8080 }", at: node.position, &findings)
        else { return nil }
        position = section.position
        // A dash too many makes one listener two.
        if !isFirst { section.advice["bind"] = "without its `-`, this would belong to the listener above" }
        read(&section, of: Located(value: "listeners", position: position), &findings)
    }
}

extension ListenerSection: Keyed {
    static let usual = ListenerSection()

    static let keys: [SectionKey<ListenerSection>] = [
        SectionKey(
            "name", .named(.name), "Its label in metrics and logs.", usually: "what `bind` says",
            read: { field, owner, findings in
                owner.name = field.name(&findings)
                return owner.name != nil
            }),
        SectionKey(
            "bind", .named(.address), "Where to listen, such as `:8080` or `127.0.0.1:8080`.",
            words: "an address to listen on", needed: "127.0.0.1:8080",
            read: { field, owner, findings in
                owner.bind = Authority.read(field, as: .bind, &findings)
                return owner.bind != nil
            }),
        SectionKey(
            "paths", \.paths, Kind.choice,
            "Whether paths that can be read in several ways are refused: those whose readings go to different routes "
                + "(`safe`), all of them (`strict`), or none (`literal`)."),
        SectionKey(
            "apus_reason", \.hidesReasons, Kind.words("show", "hide"),
            "Whether clients learn why Apus answered by itself."),
        SectionKey(
            "half_close", \.servesHalfClosed, Kind.words("abort", "serve"),
            "What becomes of the request of a client that has ended its direction: it is given up, as that of one that has "
                + "left (`abort`), or answered (`serve`)."),
        SectionKey(
            "tls", \.tls, Kind.switched(nil, example: "{ certificate: site.pem, key: site.key }"),
            "TLS with clients."),
        SectionKey(
            "proxy_protocol", \.proxyProtocol, Kind.switched(nil, example: "{ from: [10.0.0.0/8] }"),
            "Proxies that name their clients by the PROXY protocol."),
        SectionKey(
            "redirect_to_https", \.redirectsToHTTPS, Kind.onOrOff,
            "Whether requests that none of its routes takes are sent to the same URL with `https:`."),
        SectionKey(
            "routes", \.routes, RouteSection.kind, "What is done with which requests; the first match wins.",
            usually: "everything goes to the pool, if there is one pool only"),
    ]

    mutating func check(_ written: WrittenKeys, _ findings: inout Findings) { isTLSWrong = written.isWrong("tls") }
}
