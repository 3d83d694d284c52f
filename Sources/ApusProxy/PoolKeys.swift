import ApusBalancing
import ApusModel

/// What of a request's head a pool wants to know, prepared for comparing bytes.
struct PoolKeys: Sendable {
    enum HashKind: UInt8 { case none, client, header, cookie, query, path }

    let hash: HashKind
    /// The field, cookie or parameter that is hashed.
    let hashName: [UInt8]
    let ipv4Prefix: Int
    let ipv6Prefix: Int
    /// The cookie of its sessions; empty without sessions.
    let sessionName: [UInt8]
    /// Whether the cookie is the application's, of which Apus learns.
    let learnsSessions: Bool
    /// What Apus sets, by endpoint; nil where it sets nothing.
    let cookies: SessionCookies?
    /// In lower case; empty when no field tells a request's priority.
    let priorityHeader: [UInt8]

    init(_ pool: Pool, of snapshot: Snapshot) {
        let key: HashRules.Key? = pool.balance == .hash ? pool.hash.key : nil
        var name = ""
        var prefixes = (32, 64)
        switch key {
        case nil: hash = .none
        case .client(let ipv4, let ipv6):
            hash = .client
            prefixes = (ipv4, ipv6)
        case .header(let field):
            hash = .header
            name = field.lowercased()
        case .cookie(let cookie):
            hash = .cookie
            name = cookie
        case .query(let parameter):
            hash = .query
            name = parameter
        case .path: hash = .path
        }
        hashName = Array(name.utf8)
        (ipv4Prefix, ipv6Prefix) = prefixes
        priorityHeader = Array((pool.concurrency?.priorityHeader ?? "").lowercased().utf8)
        cookies = SessionCookies(of: pool, in: snapshot)
        switch pool.sticky?.kind {
        case nil:
            sessionName = []
            learnsSessions = false
        case .cookie(let cookie):
            sessionName = Array(cookie.name.utf8)
            learnsSessions = false
        case .learned(let cookie, _, _):
            sessionName = Array(cookie.utf8)
            learnsSessions = true
        }
    }
}
