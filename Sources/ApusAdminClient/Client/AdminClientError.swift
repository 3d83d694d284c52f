public import ApusModel
import FoundationEssentials
import Glibc

/// Why a running Apus could not be asked, or did not do it.
public enum AdminClientError: Error, Equatable, CustomStringConvertible {
    /// No connection came about.
    case unreachable(AdminAddress, String)
    /// The connection broke, or what came over it was no answer.
    case broken(AdminAddress, String)
    /// The answer did not come in time.
    case late(AdminAddress, Duration)
    /// There was no TLS with what answers there, or none to be believed.
    ///
    /// - `showing`: the file of the certificate that was shown; nil for none.
    case untrusted(AdminAddress, HandshakeFault, showing: String?)
    /// What answers there has shown another certificate than the one of the configuration, and was sent no request.
    case another(AdminAddress)
    /// Apus answered that it would not.
    case refused(AdminAnswer)

    /// Whether Apus was reached and said no: status 4xx or 5xx.
    public var isRefusal: Bool {
        if case .refused = self { true } else { false }
    }

    public var description: String {
        switch self {
        case .unreachable(let address, let reason):
            "no Apus answers at \(address.withOrigin): \(reason). Is it running, and does its configuration have an "
                + "admin section? Another address: --admin ADDRESS, or the variable APUS_ADMIN, or -c FILE to read it "
                + "from the configuration."
        case .broken(let address, let reason):
            "the conversation with \(address.withOrigin) broke off: \(reason)."
        case .late(let address, let patience): "\(address.withOrigin) did not answer within \(patience)."
        case .untrusted(let address, let fault, let shown):
            "no TLS with \(address.withOrigin): \(fault)." + Self.advice(on: fault, showing: shown)
        case .another(let address):
            "what answers at \(address.withOrigin) has shown another certificate than the configuration has, and was sent "
                + "no request. Does it run with another configuration, or with the certificate of before a renewal? Then name the "
                + "authority that has signed it: --admin-ca FILE."
        case .refused(let answer): Self.words(of: answer)
        }
    }

    /// What to do about a handshake that failed.
    private static func advice(on fault: HandshakeFault, showing shown: String?) -> String {
        switch fault {
        case .certificate(.unknownIssuer):
            " Name the authority that has signed its certificate: --admin-ca FILE; or the configuration that it runs "
                + "with: -c FILE."
        case .certificate(.wrongName): " Ask by a name that its certificate is for: --admin https://NAME:PORT."
        case .refused(alert: 40...49), .refused(alert: 116):
            if let shown {
                " It does not accept the certificate in \(shown): its log says why."
            } else {
                " It may want a certificate that it believes: --admin-cert FILE, --admin-key FILE."
            }
        case .noTLS, .left, .broken: " Does it speak plain HTTP? Then leave out `https://`: --admin HOST:PORT."
        default: ""
        }
    }

    /// What the server gave as its reason: a problem in JSON (RFC 9457), or text.
    private static func words(of answer: AdminAnswer) -> String {
        if answer.status == 401 {
            return "the admin server wants a token: --token-file FILE, or the variable APUS_ADMIN_TOKEN"
        }
        guard answer.type == "application/problem+json" || answer.type == "application/json",
            let problem = try? JSONDecoder().decode(Problem.self, from: Data(answer.body.utf8))
        else {
            let text = answer.body.split(separator: "\n").joined(separator: "\n")
            return text.isEmpty ? "the admin server answered with status \(answer.status)" : text
        }
        let words = problem.detail ?? problem.title ?? "the admin server answered with status \(answer.status)"
        if problem.type == "urn:apus:problem:role" {
            return words
                + "\nAnother listener: --admin ADDRESS, such as unix:/run/apus/admin.sock, or -c FILE to find it in "
                + "the configuration."
        }
        let available = problem.available.map { $0.isEmpty ? [] : ["there is: \($0.joined(separator: ", "))"] }
        return ((problem.diagnostics ?? []).map(\.rendered) + [words] + (available ?? [])).joined(separator: "\n")
    }

    private struct Problem: Decodable {
        var type: String?
        var title: String?
        var detail: String?
        /// Of a configuration that was refused.
        var diagnostics: [AdoptionReport.Diagnostic]?
        /// What there is instead of what was asked for.
        var available: [String]?
    }
}

/// What the system says to an errno.
func systemErrorText(_ errno: Int32) -> String {
    switch errno {
    case ECONNREFUSED: "nothing listens there"
    case ENOENT: "there is no such socket"
    case EACCES, EPERM: "permission denied; try as the user that Apus runs as, or as root"
    default: unsafe strerror(errno).map { unsafe String(cString: $0) } ?? "error \(errno)"
    }
}
