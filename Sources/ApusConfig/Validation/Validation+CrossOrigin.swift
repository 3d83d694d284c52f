import ApusModel
import ApusRouting

/// What routes say to pages of other origins, beside what else they say.
extension Validation {
    mutating func checkCrossOrigin(_ section: RouteSection) {
        guard section.cors != nil, let position = section.written?.right("cors")?.key.position else { return }
        for edit in section.headers.response where CrossOriginRules.fieldNames.contains(edit.foldedName) {
            let message = "`headers.response` and `cors` both say what becomes of `\(edit.name)`"
            if case .remove(name: _) = edit {
                findings.warning(
                    "\(message); what origins say of it is left out anyway, so remove it there", at: position)
            } else {
                findings.error("\(message); keep it in `cors`", at: position)
            }
        }
        let methods = section.match.methods
        if !methods.isEmpty, !methods.contains("OPTIONS") {
            findings.warning(
                "`cors` answers no preflight here: they have the method OPTIONS, which this route does not take; add it to "
                    + "`method`", at: position)
        }
        for (key, conditions) in [("header", section.match.fields), ("cookie", section.match.cookies)] {
            guard let condition = conditions.first(where: { !$0.isNegated && $0.name != "origin" }) else { continue }
            findings.warning(
                "`cors` answers no preflight here: they come without the \(key) `\(condition.name)`, which this route asks "
                    + "for; ask for something else", at: position)
        }
    }
}
