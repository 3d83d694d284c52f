import ApusConfig
import ApusModel
import FoundationEssentials
import HTTPTypes
import Hummingbird

/// What went wrong with a request to the admin server, as it is answered: problem details (RFC 9457).
struct AdminProblem: Error, Sendable {
    var status: HTTPResponse.Status
    /// The last part of the type's URI; stable.
    var kind: String
    /// The same for all problems of a kind.
    var title: String
    /// What was found, what was expected, what to do.
    var detail: String
    var diagnostics: [DiagnosticAnswer]?
    /// What there is instead of what was asked for.
    var available: [String]?
    var headers: HTTPFields = [:]

    private struct Body: Encodable {
        var type: String
        var title: String
        var status: Int
        var detail: String
        var diagnostics: [DiagnosticAnswer]?
        var available: [String]?
    }

    /// The body that it is told as.
    var text: String {
        Body(
            type: "urn:apus:problem:\(kind)", title: title, status: status.code, detail: detail,
            diagnostics: diagnostics, available: available
        ).jsonText
    }

    /// The fields that it is told with.
    var allFields: HTTPFields {
        var headers = headers
        headers[.contentType] = "application/problem+json"
        headers[.cacheControl] = "no-store"
        return headers
    }

    var response: Response {
        Response(status: status, headers: allFields, body: .init(byteBuffer: .init(string: text)))
    }
}

/// A diagnostic of the configuration, as JSON.
struct DiagnosticAnswer: Encodable, Sendable {
    var file: String
    var line: Int
    var column: Int
    /// `error` or `warning`.
    var severity: String
    var message: String
    /// The line itself.
    var source: String
    /// All of it as people read it, several lines.
    var rendered: String

    init(_ diagnostic: Diagnostic) {
        file = diagnostic.file
        line = diagnostic.position.line
        column = diagnostic.position.column
        severity = diagnostic.severity.rawValue
        message = diagnostic.message.escapingControls()
        source = diagnostic.sourceLine.escapingControls(keeping: ["\t"])
        rendered = diagnostic.rendered
    }
}

extension AdminProblem {
    static func badRequest(_ detail: String) -> AdminProblem {
        AdminProblem(
            status: .badRequest, kind: "bad-request", title: "The request cannot be understood", detail: detail)
    }

    static func notFound(_ path: String, available: [String]) -> AdminProblem {
        AdminProblem(
            status: .notFound, kind: "not-found", title: "There is nothing here",
            detail: "The admin server has nothing at `\(path)`; `available` lists what there is.", available: available)
    }

    static func wrongMethod(_ method: String, _ path: String, allowed: [String]) -> AdminProblem {
        AdminProblem(
            status: .methodNotAllowed, kind: "wrong-method", title: "This cannot be done here",
            detail: "`\(path)` does not know \(method); use \(allowed.joined(separator: " or ")).",
            headers: [.allow: allowed.joined(separator: ", ")])
    }

    /// The listener's role does not allow it.
    static func otherDoor(_ operation: AdminOperation, from admin: Admin, hint: String) -> AdminProblem {
        AdminProblem(
            status: .forbidden, kind: "role", title: "This listener does not allow it",
            detail:
                "\(operation.method.rawValue) \(operation.path) takes `role: \(operation.role.rawValue)`, and "
                + "`\(admin.bind)` has `role: \(admin.grantedRole.rawValue)`. \(hint)")
    }

    static func tooLarge(_ limit: Int) -> AdminProblem {
        AdminProblem(
            status: .contentTooLarge, kind: "too-large", title: "The body is too large",
            detail: "The body has more than the \(limit) bytes that are read here.")
    }

    static var noUpgrade: AdminProblem {
        AdminProblem(
            status: .notImplemented, kind: "no-upgrade", title: "This process cannot be upgraded",
            detail:
                "It was started in a way that leaves no room for a successor, such as inside another program. Start "
                + "it with `apus run` to upgrade it, or restart it.")
    }

    static var reloading: AdminProblem {
        AdminProblem(
            status: .serviceUnavailable, kind: "reloading", title: "A reload is under way",
            detail: "The workers and the probes are on their way from one configuration to the next; ask again.",
            headers: [.retryAfter: "1"])
    }

    /// The connection has gone, or the process ends.
    static var givenUp: AdminProblem {
        AdminProblem(
            status: .serviceUnavailable, kind: "given-up", title: "The request was given up",
            detail: "The connection or the process has come to its end meanwhile; ask again.",
            headers: [.retryAfter: "1"])
    }

    static var internalError: AdminProblem {
        AdminProblem(
            status: .internalServerError, kind: "internal", title: "Something went wrong in Apus",
            detail: "This is a mistake of Apus, not of the request. The log may say more.")
    }

    init(_ refusal: ConfigurationRefusal) {
        switch refusal {
        case .invalid(let diagnostics):
            let count = diagnostics.count { $0.severity == .error }
            let excerpt = DiagnosticExcerpt(diagnostics)
            let found = count == 1 ? "1 error was" : "\(count) errors were"
            let omission = excerpt.omission.map { " \($0)." } ?? ""
            self.init(
                status: .unprocessableContent, kind: "invalid-configuration", title: "The configuration has errors",
                detail: "\(found) found, and nothing has changed.\(omission)",
                diagnostics: excerpt.shown.map(DiagnosticAnswer.init))
        case .notAdopted(let words):
            self.init(
                status: .conflict, kind: "not-adopted", title: "The workers could not go over to it",
                detail: "\(words). Nothing has changed.")
        case .handedOver:
            self.init(
                status: .conflict, kind: "handed-over", title: "Another process has taken over",
                detail: "\(refusal). Nothing has changed.")
        case .otherRevision(let running):
            self.init(
                status: .preconditionFailed, kind: "other-revision", title: "The configuration has changed meanwhile",
                detail: "\(refusal). Read it again, and send its ETag as If-Match.",
                headers: [.eTag: running.eTag])
        case .busy(let words):
            self.init(
                status: .serviceUnavailable, kind: "busy", title: "The configuration could not be read in time",
                detail: "\(words). Nothing has changed; ask again.", headers: [.retryAfter: "5"])
        case .noFile: self.init(status: .conflict, kind: "no-file", title: "There is no file", detail: "\(refusal).")
        case .noRevision(_, let kept):
            self.init(
                status: .notFound, kind: "no-revision", title: "There is no such revision", detail: "\(refusal).",
                available: kept.map(String.init))
        case .noPool(let name, let pools):
            self.init(
                status: .notFound, kind: "no-pool", title: "There is no such pool",
                detail: "There is no pool `\(name)`; `available` lists them.", available: pools)
        case .noEndpoint(let name, let pool, let endpoints):
            self.init(
                status: .notFound, kind: "no-endpoint", title: "There is no such endpoint",
                detail: "The pool `\(pool)` has no endpoint `\(name)`; `available` lists them.", available: endpoints)
        case .conflict(let words):
            self.init(status: .conflict, kind: "conflict", title: "This contradicts what runs", detail: "\(words).")
        }
    }
}

extension Revision {
    /// As in the header (RFC 9110 section 8.8.3).
    var eTag: String { "\"\(digest)\"" }
}
