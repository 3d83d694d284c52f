import ApusAddresses
import ApusModel
import ApusRouting

// The keys of a route that say which requests it is for, and where they go.

extension RouteSection {
    static let keysOfConditions: [SectionKey<RouteSection>] = [
        SectionKey(
            "host", Shape.text().oneOrMore, "`example.com`, `*.example.com`, or a list of them.",
            words: "`example.com`, `\"*.example.com\"`, or a list of them", usually: "every host",
            told: { list($0.match.hosts.filter { $0 != .any }.map(\.words)) }),
        SectionKey(
            "path", .named(.path), "`/v1`, `/v1/*`, `/users/{id}`, or `~` and a regular expression.",
            words: "`/v1`, `/v1/*`, `/users/{id}`, or `~` and a regular expression", usually: "every path",
            told: { $0.match.path == .any ? nil : .word($0.match.path.words) }),
        SectionKey(
            "method", Shape.text().oneOrMore, "A method, or a list of them.", words: "a method, or a list of them",
            usually: "every method", told: { list($0.match.methods) }),
        SectionKey(
            "header", conditions, "What header fields must be.", words: "a mapping from names to conditions",
            usually: "nothing is asked", told: { .section(Settings($0.match.fields)) }),
        SectionKey(
            "query", conditions, "What query parameters must be.", words: "a mapping from names to conditions",
            usually: "nothing is asked", told: { .section(Settings($0.match.query)) }),
        SectionKey(
            "cookie", conditions, "What cookies must be.", words: "a mapping from names to conditions",
            usually: "nothing is asked", told: { .section(Settings($0.match.cookies)) }),
        SectionKey(
            "client", Shape.named(.network).oneOrMore, "Networks of which the client must be in one.",
            words: "a network, or a list of them", usually: "every client",
            told: { list($0.match.clients.map(\.description)) }),
    ]

    static let keysOfActions: [SectionKey<RouteSection>] = [
        SectionKey(
            "pool", .named(.name), "The pool that answers.", words: "the name of a pool", usually: "one of these four",
            told: { $0.action?.pools.map { .word($0) } }),
        SectionKey(
            "pools", .names(of: .integer(Bounds.weights)), "Pools that answer, by weight.",
            words: "a mapping from pools to weights of \(Shape.integer(Bounds.weights).words)", usually: ""),
        SectionKey(
            "redirect", RedirectSection.choices, "Where the client is sent instead.",
            words: "a location, or a mapping", usually: "",
            told: { $0.action?.redirect.map { .section(Settings(RedirectSection($0), short: "to")) } }),
        SectionKey(
            "respond", FixedResponse.choices, "What is answered instead.",
            words: "a status, or a mapping", usually: "",
            told: { $0.action?.response.map { .section(Settings($0, short: "status")) } }),
        SectionKey(
            "split_by", .text(), "What decides among `pools`.",
            words: "`client`, `path`, `header NAME`, `cookie NAME` or `query NAME`", usually: "chance",
            told: { $0.action?.key.map { .word($0.words) } }),
    ]

    private static let conditions = Shape.names(of: .named(.condition))

    private static func list(_ words: [String]) -> Settings.Value? {
        words.first.map { .word(words.count == 1 ? $0 : "[" + words.joined(separator: ", ") + "]") }
    }
}

extension Settings {
    fileprivate init(_ conditions: [ValueCondition]) {
        for condition in conditions {
            if isSensitive(fieldName: condition.name) {
                add(condition.name, concealed: Array(condition.words.utf8))
            } else {
                add(condition.name, condition.words)
            }
        }
    }
}
