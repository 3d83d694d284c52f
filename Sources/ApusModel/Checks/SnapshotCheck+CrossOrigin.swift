import ApusRouting

/// What routes say to pages of other origins.
extension SnapshotCheck {
    mutating func crossOrigin(_ rules: CrossOriginRules, of route: Route, _ place: () -> String) {
        number(rules.origins.count, in: Bounds.crossOrigins, place() + ".origins.count")
        each(rules.origins) { check, origin, index in
            guard case .exact(let text) = origin, SerializedOrigin(text.span) == nil else { return }
            check.problem(
                place() + ".origins[\(index)]", found: Self.quoted(text),
                expected: "an origin as browsers send it, such as `https://app.example.com`")
        }
        list(rules.methods, place() + ".methods")
        if case .these(let names) = rules.headers { list(names, place() + ".headers") }
        list(rules.exposed, place() + ".exposed")
        each(rules.methods) { check, method, index in check.token(method, place() + ".methods[\(index)]") }
        if case .these(let names) = rules.headers {
            each(names) { check, name, index in check.token(name, place() + ".headers[\(index)]") }
        }
        each(rules.exposed) { check, name, index in check.token(name, place() + ".exposed[\(index)]") }
        seconds(rules.maxAge, in: Bounds.preflightAges, place() + ".maxAge")
        if rules.allowsCredentials, rules.allowsEveryOrigin {
            problem(
                place() + ".allowsCredentials", found: "true, with an origin `any`",
                expected: "false, or the origins that may read what users see who are logged in")
        }
        for edit in route.responseFields where CrossOriginRules.fieldNames.contains(edit.foldedName) {
            problem(
                place(), found: "a change of \(Self.quoted(edit.name)) in `responseFields`",
                expected: "one place that says what pages of other origins may do")
        }
    }

    /// What is sent in one line.
    private mutating func list(_ names: [String], _ place: @autoclosure () -> String) {
        let count = names.reduce(0) { $0 + $1.utf8.count + 2 }
        guard count > Bounds.crossOriginListBytes else { return }
        problem(place(), found: "\(count) bytes", expected: "at most \(Bounds.crossOriginListBytes)")
    }
}
