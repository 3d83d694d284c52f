import ApusAddresses
import ApusModel
import Crypto
import HTTPTypes
import Hummingbird

/// Who is let in by a listener: callers that know its token where it has one, and no web page of another site.
///
/// A page that a browser has loaded from anywhere can send requests to loopback too. It cannot read the answers, unless its
/// host name has been made to stand for 127.0.0.1 (DNS rebinding): so a request must name an address, `localhost` or one of
/// `hosts`. What browsers say comes from a page of another place (Sec-Fetch-Site, Origin) is refused.
///
/// Which address it names does not matter: a page's own address cannot be made to stand for another.
///
/// What a caller may do then is up to the listener's role; see `AdminDoor.require`.
struct AdminAccess: RouterMiddleware {
    let door: AdminDoor

    func handle(
        _ request: Request, context: AdminAPI.Context, next: (Request, AdminAPI.Context) async throws -> Response
    ) async throws -> Response {
        guard await AdminSession.of(context.channel).holds(for: door.current) else {
            throw AdminProblem.staleConnection
        }
        let isOpen = AdminOperation.all.contains { $0.isOpen && $0.path == request.uri.path }
        if !isOpen { try Self.check(request, door.current) }
        return try await next(request, context)
    }

    private static func check(_ request: Request, _ admin: Admin) throws {
        if let token = admin.token { try check(request, token) }
        try checkHost(request, admin)
        try checkOrigin(request)
    }

    /// RFC 6750 section 2.1. Both sides are hashed, so that comparing takes as long whatever the caller sent.
    private static func check(_ request: Request, _ token: Secret) throws {
        let authorization = request.headers[.authorization] ?? ""
        let scheme = authorization.prefix(7)
        let given = authorization.dropFirst(7).drop { $0 == " " }
        guard scheme.lowercased() == "bearer ", SHA256.hash(data: Array(given.utf8)) == SHA256.hash(data: token.bytes)
        else {
            let isMissing = authorization.isEmpty
            throw AdminProblem(
                status: .unauthorized, kind: "unauthorized", title: "The token is missing or wrong",
                detail: isMissing
                    ? "Send the configured `admin.token` in the header `Authorization: Bearer TOKEN`."
                    : "What the header Authorization says is not `Bearer` and the configured `admin.token`.",
                headers: [.wwwAuthenticate: #"Bearer realm="apus""# + (isMissing ? "" : #", error="invalid_token""#)])
        }
    }

    private static func checkHost(_ request: Request, _ admin: Admin) throws {
        guard case .address(let address) = admin.bind else { return }
        let isAnyHost = admin.hosts == nil && (admin.token != nil || !address.ip.isLoopback)
        let authority = request.head.authority ?? ""
        let host = host(of: authority)
        if isAnyHost || isLocalName(host) || admin.hosts?.contains(host.lowercased()) == true { return }
        throw AdminProblem(
            status: .forbidden, kind: "foreign-host", title: "The host is not this one",
            detail:
                "The request is for the host `\(authority.prefix(100))`; expected an IP address, `localhost`, such as "
                + "`http://localhost:9900/`, or a name that the listener's `hosts` has in the configuration.")
    }

    private static func isLocalName(_ host: Substring) -> Bool {
        let isBracketed = host.first == "[" && host.last == "]"
        if IPAddress(isBracketed ? host.dropFirst().dropLast() : host) != nil { return true }
        let name = host.lowercased()
        return name == "localhost" || name.hasSuffix(".localhost")
    }

    /// The host of an authority, without its port.
    private static func host(of authority: String) -> Substring {
        if authority.first == "[" {
            guard let end = authority.firstIndex(of: "]") else { return authority[...] }
            return authority[...end]
        }
        return authority.firstIndex(of: ":").map { authority[..<$0] } ?? authority[...]
    }

    /// Browsers say what has sent a request (Fetch Metadata), at least to loopback, and its origin with all that a script may
    /// read or that changes something. Nothing of a page of another place is let in: it could learn from the time that an
    /// answer takes, or make what is loaded a part of itself. A person who follows a link is.
    private static func checkOrigin(_ request: Request) throws {
        let headers = request.headers
        let authority = request.head.authority ?? ""
        let origin = headers[.origin]
        let isFromHere = origin.map { $0 == "http://\(authority)" || $0 == "https://\(authority)" } ?? true
        let isOwn = headers[.secFetchSite].map { $0 == "same-origin" || $0 == "none" } ?? true
        let isReading = request.method == .get || request.method == .head
        let isFollowed =
            isReading && headers[.secFetchMode] == "navigate" && headers[.secFetchDest] == "document"
        guard isFromHere, isOwn || isFollowed else {
            throw AdminProblem(
                status: .forbidden, kind: "cross-origin", title: "A page of another site may not ask this",
                detail: "A browser sent this for a page from \((origin ?? "another site").prefix(100)).")
        }
    }
}

extension AdminAccess {
    /// Fields of each answer, whoever makes it: it is no part of anybody's page, for browsers that do not say where requests
    /// come from, and nothing else than it says.
    static let seclusion = "X-Content-Type-Options: nosniff\r\nCross-Origin-Resource-Policy: same-origin\r\n"
}

extension HTTPField.Name {
    fileprivate static let secFetchSite = Self("Sec-Fetch-Site")!
    fileprivate static let secFetchMode = Self("Sec-Fetch-Mode")!
    fileprivate static let secFetchDest = Self("Sec-Fetch-Dest")!
}
