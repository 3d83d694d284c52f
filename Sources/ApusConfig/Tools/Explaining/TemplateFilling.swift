import ApusAddresses
import ApusHTTP
import ApusModel
import ApusRouting

/// A request as routes see it.
struct SeenRequest {
    var head: RequestHead
    /// As it came, which is what the origin gets.
    let pathAsItCame: [UInt8]
    /// The reading that routes are asked about first: the normal form, unless the listener takes paths literally.
    var path: [UInt8]
    var bytes: [UInt8]
    var client: IPAddress
    var scheme: String

    /// With its question mark; empty when there is none.
    var query: [UInt8] {
        let target = head.target
        return target.path.upperBound < target.pathAndQuery.upperBound
            ? Array(bytes[target.path.upperBound..<target.pathAndQuery.upperBound]) : []
    }
}

/// Fills the places of a route's templates from a request that it matched.
struct TemplateFilling {
    private let request: SeenRequest
    private let captures: PathCaptures?

    init(_ request: SeenRequest, _ route: Route) {
        self.request = request
        captures = route.match.path.captures(in: request.path.span)
    }

    func text(_ template: TextTemplate) -> String {
        String(
            decoding: template.pieces.flatMap { piece in
                switch piece {
                case .literal(let bytes): bytes
                case .variable(let variable): bytes(variable)
                }
            }, as: UTF8.self)
    }

    /// The host with its port, as the client said it.
    var authority: String {
        let range = request.head.target.form == .absolute ? request.head.target.authority : request.head.hostField
        return String(decoding: request.bytes[range], as: UTF8.self)
    }

    /// The path that the origin gets.
    func path(_ rewrite: PathRewrite?) -> String {
        // `*` is no path.
        guard let rewrite, !request.head.isForServer else {
            return String(decoding: request.pathAsItCame, as: UTF8.self)
        }
        let path = text(rewrite.wholePath)
        return path.isEmpty ? "/" : path
    }

    /// Whether an origin could read `..` in the path that a template of the route makes.
    func leadsElsewhere(_ route: Route) -> Bool {
        guard let rewrite = route.rewrite, !request.head.isForServer else { return false }
        let template = rewrite.wholePath
        let isLiteral = template.pieces.allSatisfy { if case .literal = $0 { true } else { false } }
        return !isLiteral && PathOddities(Array(path(rewrite).utf8).span).contains(.dotSegment)
    }

    func location(_ redirect: Redirect) -> String {
        let location = text(redirect.location)
        let isChosen = !redirect.namesItsHost && Redirect.namesHost(Array(location.utf8).span)
        return isChosen ? "/." + location : location
    }

    /// In the order in which they are carried out.
    func edits(_ edits: [FieldEdit]) -> [RequestExplanation.Edit] { edits.filter(\.isAllowed).map(edit) }

    private func edit(_ edit: FieldEdit) -> RequestExplanation.Edit {
        func shown(_ name: String, _ value: TextTemplate) -> String {
            // Blanks at its ends are no part of a value (RFC 9110 section 5.5).
            isSensitive(fieldName: name) ? "(not shown)" : withoutBlanks(text(value))
        }
        return switch edit {
        case .set(let name, let value): .init(action: "set", name: name, value: shown(name, value))
        case .add(let name, let value): .init(action: "add", name: name, value: shown(name, value))
        case .remove(let name): .init(action: "remove", name: name, value: nil)
        }
    }

    // MARK: What may be sent

    /// Why what the route writes cannot be sent, as the worker finds it: first in the response, then in the request.
    func refusal(_ route: Route) -> Reason? {
        if isOverfull(route) { return .headTooLarge }
        return writesWhatIsRefused(route) ? .badRewrite : nil
    }

    private func writesWhatIsRefused(_ route: Route) -> Bool {
        if route.responseFields.contains(where: isRefused) { return true }
        switch route.action {
        case .respond: return false
        case .redirect(let redirect):
            return !WrittenText.isLocation(
                Array(location(redirect).utf8).span, isOwnScheme: redirect.namesItsHost)
        case .forward: break
        }
        if route.requestFields.contains(where: isRefused) { return true }
        if let host = route.hostRewrite, !host.pieces.isEmpty, !WrittenText.isHost(Array(text(host).utf8).span) {
            return true
        }
        guard let rewrite = route.rewrite, !request.head.isForServer else { return false }
        return !WrittenText.isPath(Array(path(rewrite).utf8).span, from: request.path.span)
    }

    private func isRefused(_ edit: FieldEdit) -> Bool {
        guard edit.isAllowed, let value = edit.value else { return false }
        var written: [UInt8] = []
        var reference = 0
        for (piece, check) in zip(value.pieces, edit.checks) {
            let start = written.count
            switch piece {
            case .literal(let bytes): written += bytes
            case .variable(let variable): written += bytes(variable)
            }
            if check.begins { reference = start - Int(check.literalCount) }
            let begin = check.kind == .reference ? reference : start
            if !check.allows(written.span.extracting(begin..<written.count)) { return true }
        }
        return false
    }

    // MARK: What it takes up

    /// Whether a head would become larger than rewriting may make it.
    func isOverfull(_ route: Route) -> Bool {
        let response = route.responseFields.reduce(0) { $0 + count($1) }
        if case .redirect(let redirect) = route.action {
            return count(redirect.location) + response > TextTemplate.limit
        }
        guard case .forward = route.action else { return response > TextTemplate.limit }
        var forwarded = route.requestFields.reduce(0) { $0 + count($1) }
        if let host = route.hostRewrite { forwarded += count(host) }
        if let rewrite = route.rewrite, !request.head.isForServer {
            forwarded += count(rewrite.wholePath) + request.query.count
        }
        return response > TextTemplate.limit || forwarded > TextTemplate.limit
    }

    private func count(_ edit: FieldEdit) -> Int {
        switch edit {
        case .set(let name, let value) where edit.isAllowed, .add(let name, let value) where edit.isAllowed:
            name.utf8.count + 4 + count(value)
        default: 0
        }
    }

    private func count(_ template: TextTemplate) -> Int {
        template.pieces.reduce(0) { count, piece in
            switch piece {
            case .literal(let bytes): count + bytes.count
            case .variable(let variable): count + (variable.room ?? bytes(variable).count)
            }
        }
    }

    private func bytes(_ variable: TextTemplate.Variable) -> [UInt8] {
        switch variable {
        case .scheme: Array(request.scheme.utf8)
        case .host: Array(request.bytes[request.head.host])
        case .path: request.head.isForServer ? [UInt8(ascii: "/")] : request.path
        case .query: request.query
        case .method: Array(request.bytes[request.head.line.methodRange])
        case .client: Array("\(request.client)".utf8)
        case .rest: captures.map { Array(request.path[$0.rest]) } ?? []
        case .capture(let name): captures?[name].map { Array(request.path[$0]) } ?? []
        }
    }
}

private func withoutBlanks(_ text: String) -> String {
    let isBlank: (Character) -> Bool = { $0 == " " || $0 == "\t" }
    return String(text.drop(while: isBlank).reversed().drop(while: isBlank).reversed())
}
