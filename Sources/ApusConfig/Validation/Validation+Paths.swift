import ApusHTTP
import ApusModel
import ApusRouting

extension Validation {
    /// A path that no request's path is compared with can never match: a rule that refuses something would be silent.
    mutating func checkPath(_ route: Route, paths: PathRule, at position: SourcePosition) {
        let path: [UInt8]
        switch route.match.path {
        case .exact(let exact): path = exact
        case .prefix(let prefix): path = prefix
        case .any, .template, .regex: return
        }
        guard paths != .literal else {
            if case .respond(let response) = route.action, response.status >= 400 { warnOfLiteral(path, at: position) }
            return
        }
        let written = String(decoding: path, as: UTF8.self)
        guard let normal = try? PathNormalization.normalized(path), normal == path else {
            let hint = (try? PathNormalization.normalized(path)).map {
                "; write `\(String(decoding: $0, as: UTF8.self))`"
            }
            return findings.error(
                "the path `\(written)` never matches, because paths are compared in their normal form" + (hint ?? ""),
                at: position)
        }
        if paths == .strict, Self.hasReadings(path) {
            findings.error(
                "the path `\(written)` never matches: `paths: strict` refuses what can be read in more than one way; use "
                    + "`paths: safe`, or leave the route out", at: position)
        }
    }

    private static func hasReadings(_ path: [UInt8]) -> Bool {
        let span = path.span
        return !PathOddities(span).isEmpty
    }

    private mutating func warnOfLiteral(_ path: [UInt8], at position: SourcePosition) {
        guard path.count > 1 else { return }
        let written = String(decoding: path, as: UTF8.self)
        findings.warning(
            "with `paths: literal`, other spellings pass this route, such as `/\(written)`; use `paths: safe`, or put it "
                + "on a listener of its own", at: position)
    }
}
