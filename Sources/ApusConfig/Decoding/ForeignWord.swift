/// A key of another proxy's configuration, or of none that there is: what whoever writes it is to be told.
struct ForeignWord {
    /// Whose word it is, as `nginx's`; nil for a word that many use.
    var owner: String?
    /// The keys that mean the same here, as docs/configuration.md writes them; the first that a section has is meant.
    var places: [String] = []
    /// What to do, where it takes more than another word.
    var note: String?
    /// Whether whoever writes it at the top has another kind of file in mind, so that nothing else is to be missed in it.
    var isOfAnotherFile = false

    /// What `key` means; nil when it is nobody's word. `proxyPass`, `proxy-pass` and `proxy_pass` are one.
    init?(_ key: String) {
        guard let known = Self.all[String(String.UnicodeScalarView(folded(key)))] else { return nil }
        self = known
    }

    /// The key that it means in a section that knows `known`.
    func meant(among known: [String]) -> String? {
        places.lazy.map { String($0[($0.lastIndex(of: ".").map($0.index(after:)) ?? $0.startIndex)...]) }
            .first(where: known.contains)
    }

    /// What to tell, where the section knows the key that is meant (`meant`), or else.
    func advice(meant: String?) -> String {
        let whose = owner.map { "that is \($0) word; " } ?? ""
        let more = note.map { ", \($0)" } ?? ""
        if let meant { return "\(whose)here it is `\(meant)`\(more)" }
        guard !places.isEmpty else { return whose + (note ?? "") }
        return "\(whose)here it is \(orList(places))\(more)"
    }
}

/// `` `a`, `b` or `c` ``.
func orList(_ words: [String]) -> String {
    let quoted = words.map { "`\($0)`" }
    guard let last = quoted.last, quoted.count > 1 else { return quoted.first ?? "" }
    return quoted.dropLast().joined(separator: ", ") + " or " + last
}

// MARK: - The words

extension ForeignWord {
    private init(_ owner: String?, _ places: [String] = [], note: String? = nil, ofAnotherFile: Bool = false) {
        self.owner = owner
        self.places = places
        self.note = note
        isOfAnotherFile = ofAnotherFile
    }

    static let all: [String: ForeignWord] = {
        var words: [String: ForeignWord] = [:]
        for (names, word) in listeningWords + routingWords + poolWords + processWords + missing {
            for name in names.split(separator: " ") { words[String(name)] = word }
        }
        return words
    }()

    private static let route = "listeners[].routes[]"
    private static let together = "host and port together, such as `127.0.0.1:8080`"

    private static let listeningWords: [(String, ForeignWord)] = [
        ("frontend frontends", .init("HAProxy's", ["listeners"])),
        ("entrypoint entrypoints", .init("Traefik's", ["listeners"])),
        ("listen", .init("nginx's", ["listeners[].bind", "listeners"])),
        (
            "server",
            .init(
                "nginx's and HAProxy's",
                ["pools.NAME.endpoints[].address", "pools.NAME.endpoints", "timeouts.response_head", "listeners"])
        ),
        ("host", .init(nil, ["pools.NAME.endpoints[].address"], note: together)),
        ("ip addr port address", .init(nil, ["pools.NAME.endpoints[].address", "listeners[].bind"], note: together)),
        ("virtualhosts vhosts", .init("Envoy's", ["listeners[].routes"])),
        ("locations handlers", .init(nil, ["listeners[].routes"])),
        (
            "tls ssl https tlscontext transportsocket",
            .init(nil, ["listeners[].tls", "pools.NAME.tls"])
        ),
        (
            "cert crt certs sslcertificate certfile tlscert pem certificatechain",
            .init(nil, ["listeners[].tls.certificate", "listeners[].tls.certificates"])
        ),
        ("sslcertificatekey keyfile tlskey privatekey", .init(nil, ["listeners[].tls.key"])),
        ("sslprotocols sslminver minversion minprotocolversion", .init(nil, ["listeners[].tls.minimum"])),
        ("cafile cacert cacerts rootca trustedca proxyssltrustedcertificate", .init(nil, ["pools.NAME.tls.ca"])),
        (
            "sslclientcertificate clientca clientcafile clientauth sslverifyclient verify mtls clientauthtype requireclientcertificate "
                + "trustpool",
            .init(nil, ["listeners[].tls.clients"])
        ),
        ("sslciphers ciphersuites ciphersuite cipher tlscipherpolicy", .init(nil, ["listeners[].tls.ciphers"])),
        ("sslecdhcurve ecdhcurves curvepreferences groups ecdhe", .init(nil, ["listeners[].tls.curves"])),
        (
            "sslsessionticketkey sslsessiontickets sessiontickets tlsticketkeys sessionticketkeys",
            .init(nil, ["listeners[].tls.tickets"])
        ),
        (
            "sslstapling sslstaplingfile ocspfile ocspstapling stapling ocspresponse ocspupdate ocspstaple",
            .init(nil, ["listeners[].tls.ocsp"])
        ),
        ("sslcrl crlfile", .init(nil, ["listeners[].tls.clients.crl"])),
        ("sni servername proxysslname", .init(nil, ["pools.NAME.tls.name"])),
        ("insecure insecureskipverify sslverify proxysslverify skipverify", .init(nil, ["pools.NAME.tls.verify"])),
        (
            "httpsredirect redirecthttps forcessl forcehttps redirectscheme",
            .init(nil, ["listeners[].redirect_to_https"])
        ),
        (
            "proxyprotocol acceptproxy sendproxy sendproxyv2",
            .init(nil, ["listeners[].proxy_protocol", "pools.NAME.proxy_protocol"])
        ),
        ("strictsni sniffstrict", .init(nil, ["listeners[].tls.strict"])),
        ("mergeslashes normalizepath", .init(nil, ["listeners[].paths"], note: "and origins get paths as they came")),
        (
            "normalizepaths",
            .init(
                nil, ["listeners[].paths"],
                note: "and origins get paths as they came; leave `on` out, and write `paths: literal` for `off`")
        ),
    ]

    private static let routingWords: [(String, ForeignWord)] = [
        (
            "location",
            .init("nginx's", ["\(route).path", "\(route).redirect.to", "listeners[].routes"])
        ),
        ("match prefix", .init("Envoy's", ["\(route).path"], note: "and everything below a prefix is `/v1/*`")),
        ("rule", .init("Traefik's", ["\(route).path"], note: "and `host`, `method` and others stand beside it")),
        (
            "uri url",
            .init(
                nil,
                ["pools.NAME.endpoints[].address", "\(route).redirect.to", "\(route).path", "pools.NAME.health.path"])
        ),
        ("servername domains hostname hostnames vhost", .init(nil, ["\(route).host"])),
        ("proxypass fastcgipass", .init("nginx's", ["\(route).pool"])),
        ("upstream upstreams", .init("nginx's", ["\(route).pool", "pools", "pools.NAME.endpoints"])),
        (
            "backend backends defaultbackend usebackend",
            .init("HAProxy's", ["\(route).pool", "pools", "listeners[].routes"])
        ),
        ("cluster clusters", .init("Envoy's", ["\(route).pool", "pools"])),
        ("service services", .init("Traefik's", ["\(route).pool", "pools"])),
        ("reverseproxy", .init("Caddy's", ["\(route).pool", "pools"])),
        ("weightedclusters", .init("Envoy's", ["\(route).pools"])),
        ("return", .init("nginx's", ["\(route).respond"], note: "or `redirect`")),
        ("directresponse staticresponse", .init(nil, ["\(route).respond"])),
        ("code statuscode", .init(nil, ["\(route).redirect.status", "pools.NAME.health.expect"])),
        ("proxyreadtimeout read", .init("nginx's", ["timeouts.response_head"])),
        ("proxyconnecttimeout connecttimeout", .init(nil, ["timeouts.connect"])),
        ("proxysendtimeout write send", .init(nil, ["timeouts.body"])),
        ("client httprequest clientheadertimeout", .init(nil, ["timeouts.request_head"])),
        ("proxysetheader addheader setheader setheaders requestheaders", .init(nil, ["\(route).headers"])),
        ("prefixrewrite replacepath", .init(nil, ["\(route).rewrite"])),
        ("enablecors corspolicy", .init(nil, ["\(route).cors"])),
        (
            "origin alloworigin alloworigins allowedorigins alloworiginstringmatch corsalloworigin "
                + "accesscontrolalloworiginlist accesscontrolalloworigin",
            .init(nil, ["\(route).cors.origins"])
        ),
        (
            "allowmethods allowedmethods corsallowmethods accesscontrolallowmethods",
            .init(nil, ["\(route).cors.methods"])
        ),
        (
            "allowheaders allowedheaders corsallowheaders accesscontrolallowheaders",
            .init(nil, ["\(route).cors.headers"])
        ),
        (
            "exposeheaders exposedheaders corsexposeheaders accesscontrolexposeheaders",
            .init(nil, ["\(route).cors.expose"])
        ),
        (
            "allowcredentials corsallowcredentials accesscontrolallowcredentials",
            .init(nil, ["\(route).cors.credentials"])
        ),
        ("corsmaxage accesscontrolmaxage", .init(nil, ["\(route).cors.max_age"])),
    ]

    private static let poolWords: [(String, ForeignWord)] = [
        ("algorithm lbpolicy lbalgorithm policy strategy method loadbalancing", .init(nil, ["pools.NAME.balance"])),
        ("leastconn iphash roundrobin", .init("nginx's", ["pools.NAME.balance"], note: "whose value is the algorithm")),
        (
            "servers nodes targets members hosts instances lbendpoints loadassignment",
            .init(nil, ["pools.NAME.endpoints", "listeners"])
        ),
        ("healthcheck healthchecks activehealthcheck check", .init(nil, ["pools.NAME.health"])),
        ("outlierdetection passivehealthcheck", .init("Envoy's", ["pools.NAME.outliers"])),
        ("circuitbreaker circuitbreakers", .init(nil, ["pools.NAME.breaker"])),
        ("stickiness stick affinity sessionaffinity cookie", .init(nil, ["pools.NAME.sticky"])),
        ("retry retrypolicy", .init(nil, ["pools.NAME.retries"])),
        ("keepalive keepalivetimeout httpkeepalive", .init("nginx's", ["timeouts.idle", "pools.NAME.connections"])),
        (
            "maxconn maxconns maxconnections",
            .init(
                nil, ["limits.connections", "pools.NAME.connections"],
                note: "and `requests: { max_per_endpoint: 100 }` bounds requests")
        ),
        ("inter", .init("HAProxy's", ["pools.NAME.health.interval"])),
        ("healthythreshold successthreshold", .init(nil, ["pools.NAME.health.rise"])),
        ("unhealthythreshold failurethreshold threshold retries", .init(nil, ["pools.NAME.health.fall"])),
        ("maxfails failtimeout", .init("nginx's", ["pools.NAME.outliers"])),
    ]

    private static let processWords: [(String, ForeignWord)] = [
        ("log logs logging accesslogs logformat", .init(nil, ["access_log"])),
        ("metrics stats api dashboard prometheus", .init(nil, ["admin"], note: "which answers GET /metrics, too")),
        ("workerprocesses", .init("nginx's", ["workers"])),
        ("nbthread", .init("HAProxy's", ["workers"])),
        ("threads", .init(nil, ["workers"])),
        ("underscoresinheaders ignoreinvalidheaders", .init("nginx's", ["client_headers"])),
        ("setrealipfrom realip forwardedheaders", .init(nil, ["trusted_proxies"])),
        ("clientmaxbodysize", .init("nginx's", ["limits.body"])),
        (
            "defaults global",
            .init(
                "HAProxy's",
                note: "here `timeouts` and `limits` stand at the top, and pools share what they say by anchors")
        ),
        (
            "http events stream",
            .init(nil, note: "here `listeners` and `pools` stand at the top", ofAnotherFile: true)
        ),
        (
            "tests",
            .init(
                nil, note: "tests stand in a file of their own: `apus test -c CONFIGURATION TESTS`", ofAnotherFile: true
            )
        ),
        (
            "apiversion kind",
            .init(
                nil, note: "that is of an object of Kubernetes; here `listeners` and `pools` stand at the top",
                ofAnotherFile: true)
        ),
    ]

    /// What there is not, so that nobody looks for another spelling.
    private static let missing: [(String, ForeignWord)] = [
        (
            "acme letsencrypt",
            .init(
                nil, note: "Apus fetches no certificates yet; have `certbot` or `lego` write them, and name the files")
        ),
        ("http2 h2 http3 quic grpc", .init(nil, note: "Apus speaks HTTP/1.1 alone as yet")),
        ("servertokens", .init("nginx's", note: "Apus adds no Server header, and has no setting for it")),
        ("websocket websockets upgrade", .init(nil, note: "Apus passes no upgrades on yet")),
        (
            "cache caching gzip compress compression encode ratelimit ratelimits limitreq auth basicauth middlewares "
                + "filters plugins",
            .init(nil, note: "Apus does not do that yet")
        ),
    ]
}
