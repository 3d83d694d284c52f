import ApusModel

/// One entry of `pools`.
struct PoolSection {
    var name: Located<String>
    var balance = Balance.roundRobin
    var health = HealthCheck()
    var connections = UpstreamConnectionLimits()
    var endpoints: [EndpointSection] = []

    static func mapping(_ field: Field, _ findings: inout Findings) -> [PoolSection] {
        let example = "{ web: { endpoints: [127.0.0.1:3001] } }"
        guard case .mapping(let entries) = field.node.content else {
            field.reject(expected: "a mapping from names to pools, such as `\(example)`", &findings)
            return []
        }
        if entries.isEmpty {
            findings.error("`pools` is empty; expected at least one, such as `\(example)`", at: field.position)
        }
        return entries.map { PoolSection(Field(key: $0.key, node: $0.value), &findings) }
    }

    private init(_ field: Field, _ findings: inout Findings) {
        name = field.key
        _ = checkedName(name, &findings)
        let example = "{ endpoints: [127.0.0.1:3001] }"
        guard var section = Section(field, "the pool `\(name.value)`", example: example, &findings) else { return }
        if let field = section.take("balance") { readBalance(field, &findings) }
        if let field = section.take("health") { health = HealthCheck(field, &findings) }
        if let field = section.take("connections") { connections = UpstreamConnectionLimits(field, &findings) }
        if let field = section.require("endpoints", example: "[127.0.0.1:3001]", &findings) {
            endpoints = EndpointSection.list(field, &findings)
        }
        section.finish(&findings)
    }

    private mutating func readBalance(_ field: Field, _ findings: inout Findings) {
        if let balance = field.node.text.flatMap(Balance.init(rawValue:)) {
            self.balance = balance
            return
        }
        let names = Balance.allCases.map(\.rawValue)
        let hint = field.node.text.flatMap { nearest(to: $0, among: names) }.map { "did you mean `\($0)`?" }
        field.reject(expected: "one of \(names.map { "`\($0)`" }.joined(separator: ", "))", hint: hint, &findings)
    }
}
