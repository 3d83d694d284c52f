import ApusModel

extension ConfigurationSchema {
    static let listener = SchemaValue.section([
        .init("name", .named(.name), "Its label in metrics and logs. Default: what `bind` says."),
        .init("bind", .named(.address), "Where to listen, such as `:8080` or `127.0.0.1:8080`.", isRequired: true),
        .init(
            "paths", .words(PathRule.allCases.map(\.rawValue)),
            "Whether paths that can be read in several ways are refused: those whose readings go to different routes "
                + "(`safe`), all of them (`strict`), or none (`literal`). Default: safe."),
        .init(
            "apus_reason", .words(["show", "hide"]), "Whether clients learn why Apus answered by itself. Default: show."
        ),
        .init("routes", .list(of: route), "What is done with which requests; the first match wins."),
    ])

    private static let conditions = SchemaValue.names(of: .named(.condition))

    static let route = SchemaValue.section([
        .init("name", .named(.name), "Its label in metrics and logs. Default: what `host` and `path` say."),
        .init("host", .text().oneOrMore, "`example.com`, `*.example.com`, or a list of them. Default: every host."),
        .init(
            "path", .named(.path),
            "`/v1`, `/v1/*`, `/users/{id}`, or `~` and a regular expression. Default: every path."),
        .init("method", .text().oneOrMore, "A method, or a list of them. Default: every method."),
        .init("header", conditions, "What header fields must be."),
        .init("query", conditions, "What query parameters must be."),
        .init("cookie", conditions, "What cookies must be."),
        .init("client", .named(.network).oneOrMore, "Networks of which the client must be in one."),
        .init("pool", .named(.name), "The pool that answers."),
        .init("pools", .names(of: .integer(0...65_535)), "Pools that answer, by weight."),
        .init("redirect", .either([.text(), redirect]), "Where the client is sent instead."),
        .init("respond", .either([.integer(200...599), response]), "What is answered instead."),
        .init(
            "split_by", .text(),
            "What decides among `pools`: `client`, `path`, `header NAME`, `cookie NAME` or `query NAME`."),
        .init("rewrite", rewrite, "The path and the host that the origin gets."),
        .init("headers", headers, "Changes to header fields on the way."),
        .init("timeouts", routeTimeouts, "Where they differ from the listener's."),
        .init("retries", retries(ofRoute: true).orOff, "Where they differ from the pool's."),
        .init("limits", routeLimits, "Limits of this route."),
        .init("priority", .words(["low", "normal", "high"]), "Which requests are refused first. Default: normal."),
    ])

    private static let redirect = SchemaValue.section([
        .init("to", .text(), "A location, with variables.", isRequired: true),
        .init("status", .integer(301...308), "301, 302, 303, 307 or 308. Default: 308."),
    ])

    private static let response = SchemaValue.section([
        .init("status", .integer(200...599), "Default: 200."),
        .init("body", .text(), "Text, up to 64KiB."),
        .init("content_type", .text(), "Default: text/plain; charset=utf-8."),
    ])

    private static let rewrite = SchemaValue.section([
        .init("strip_prefix", .flag, "Takes the prefix of the route's `path` away."),
        .init("prefix", .text(pattern: "^/|\\$\\{"), "Takes its place."),
        .init("path", .text(), "The whole path, with variables."),
        .init("host", .text(), "The Host, with variables."),
    ])

    private static let headers = SchemaValue.section([
        .init("request", fieldEdits, "Before the request is sent to the origin."),
        .init("response", fieldEdits, "Before the response is sent to the client."),
    ])

    private static let fieldEdits = SchemaValue.section([
        .init("set", .names(of: .text()), "Replaces what was there."),
        .init("add", .names(of: .text()), "One more line of that name."),
        .init("remove", .text().oneOrMore, "Removes all lines of these names."),
    ])

    private static let routeTimeouts = SchemaValue.section([
        .init("connect", .named(.duration), "One attempt to connect to an endpoint."),
        .init("response_head", .named(.duration), "Until the response's head is complete."),
        .init("body", .named(.duration), "How long a body may make no progress."),
    ])

    private static let routeLimits = SchemaValue.section([
        .init("body", .named(.size).or("unlimited"), "Bytes of a request's body."),
        .init("min_rate", .named(.size).or("off"), "Bytes per second that a body makes at least."),
        .init("requests", .integer(1...1_000_000).or("unlimited"), "Requests in flight. Default: unlimited."),
    ])

    static func retries(ofRoute: Bool) -> SchemaValue {
        var keys: [SchemaKey] = [
            .init("attempts", .integer(1...16), "How often a request is tried, the first included."),
            .init("status", .named(.statuses), "Responses that are not passed on while another attempt may be made."),
            .init("per_try", .named(.duration), "How long one attempt may take until its response begins."),
            .init("body", .named(.size), "Bytes of a request's body that are kept to be sent again. Default: 64KiB."),
            .init("backoff", .named(.duration), "The longest pause before the second attempt. Default: 25ms."),
            .init("max_backoff", .named(.duration), "What it grows to. Default: 250ms."),
        ]
        if !ofRoute {
            keys += [
                .init("budget", .named(.percent), "How many requests may be retries. Default: 20%."),
                .init("min_per_second", .integer(0...1_000_000), "Retries that there may always be. Default: 3."),
            ]
        }
        return .section(keys)
    }
}
