import ApusBalancing
import ApusExchange
import ApusModel

/// What of a request's head a pool wants to know, prepared for comparing bytes.
struct RequestKeys: Sendable {
    let hash: HeadKey
    /// The cookie of its sessions; empty without sessions.
    let sessionName: [UInt8]
    /// Whether the cookie is the application's, of which Apus learns.
    let learnsSessions: Bool
    /// What Apus sets, by endpoint; nil where it sets nothing.
    let cookies: SessionCookies?
    /// In lower case; empty when no field tells a request's priority.
    let priorityHeader: [UInt8]

    init(_ pool: Pool, of snapshot: Snapshot) {
        hash = HeadKey(pool.balance == .hash ? pool.hash.key : nil)
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
