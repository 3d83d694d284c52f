import ApusExchange
import ApusRouting

/// What a route's `cors` says of a request, in words.
extension SeenRequest {
    /// What is said of the request; nil without `cors`.
    mutating func crossOrigin(of route: Int, by rules: RequestRules) -> CrossOriginAnswer? {
        let bytes = desk.head
        return rules.crossOrigin(of: route)?.answer(to: &hand, bytes.span)
    }

    func words(of answer: CrossOriginAnswer, by route: Int, _ rules: RequestRules) -> String? {
        guard let policy = rules.crossOrigin(of: route) else { return nil }
        guard answer.hasOrigin else { return "the request names no Origin" }
        let what = answer.isPreflight ? "preflight of " : ""
        guard let entry = answer.entry else {
            return "\(what)\(text(answer.origin)): not allowed, since `origins` does not have it"
        }
        return "\(what)\(text(answer.origin)): allowed by \(policy.origins[entry].words)"
    }

    /// The fields that are written for it, as changes of the response.
    mutating func crossOriginEdits(
        _ answer: CrossOriginAnswer, of route: Int, by rules: RequestRules
    ) -> [RequestExplanation.Edit] {
        guard let policy = rules.crossOrigin(of: route) else { return [] }
        var desk = desk
        desk.beginWriting()
        if answer.isPreflight {
            policy.writePreflight(answer, to: &desk, of: &hand)
        } else {
            policy.write(answer, to: &desk, from: hand.place)
            desk.append(CrossOriginPolicy.varyLine)
        }
        var edits = String(decoding: desk.written, as: UTF8.self).split(separator: "\r\n").map { line in
            let parts = line.split(separator: ": ", maxSplits: 1).map(String.init)
            return RequestExplanation.Edit(
                action: parts[0] == "Vary" && !answer.isPreflight ? "add" : "set", name: parts[0],
                value: parts.count > 1 ? parts[1] : "")
        }
        // What the origin says of it does not get through.
        if !answer.isPreflight, !answer.isAllowed, rules.routes[route].action == .forward {
            edits.insert(.init(action: "remove", name: "Access-Control-Allow-Origin", value: nil), at: 0)
        }
        return edits
    }
}
