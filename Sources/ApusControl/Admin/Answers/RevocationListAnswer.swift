import ApusModel
import FoundationEssentials

/// A list of certificates that an authority has revoked, by which those of clients are judged.
struct RevocationListAnswer: Encodable {
    /// The listener whose clients it is for.
    var listener: String?
    /// The listener of the admin server whose callers it is for.
    var admin: String?
    /// The authority.
    var issuer: String
    var file: String
    var thisUpdate: Date
    /// When there must be a newer one; nil for never.
    var nextUpdate: Date?
    var state: State

    enum State: String, Encodable {
        case current
        /// It is in its last third, or its last three days.
        case ending
        /// Nobody with a certificate of the authority is let in.
        case outdated
    }

    init(_ list: AuthorityStatement, _ scene: AdminScene, _ now: Int64) {
        switch list.place {
        case .listener(let index): listener = scene.names.listenerNames[index]
        case .admin(let index): admin = "\(scene.snapshot.operations.admin[index].bind)"
        case .pool: break
        }
        if case .revocationList(let issuer) = list.kind { self.issuer = issuer } else { issuer = "" }
        file = list.file
        thisUpdate = Date(timeIntervalSince1970: Double(list.since))
        nextUpdate = list.until.map { Date(timeIntervalSince1970: Double($0)) }
        state =
            switch list.state(at: now) {
            case .good, .unusable: .current
            case .endsSoon: .ending
            case .hasEnded: .outdated
            }
    }

    var text: String {
        let place = listener.map { "listener \($0)" } ?? admin.map { "admin server \($0)" } ?? ""
        let end = nextUpdate?.formatted(.iso8601)
        let words =
            switch (state, end) {
            case (_, nil): "holds until there is another"
            case (.outdated, let end?):
                "OUT OF DATE since \(end): nobody with a certificate of this authority is let in"
            case (.ending, let end?): "SOON OUT OF DATE, from \(end) on: nobody of this authority is let in then"
            case (.current, let end?): "until \(end)"
            }
        return "\(place): list of certificates revoked by \(issuer)\n  \(words)\n  \(file)\n"
    }
}
