extension ConfigurationSchema {
    static let clientHeaders = SchemaValue.section([
        .init("remove", .text().oneOrMore, "Headers that only trusted proxies may send, besides the usual ones."),
        .init("keep", .text().oneOrMore, "Headers of the usual ones that every client may send."),
        .init("underscores", .words(["drop", "keep"]), "What becomes of names with underscores. Default: drop."),
    ])

    static let timeouts = SchemaValue.section([
        .init("request_head", .named(.duration), "A request's head. Default: 10s."),
        .init("idle", .named(.duration), "A client's connection without a request. Default: 75s."),
        .init("connect", .named(.duration), "One attempt to connect to an endpoint. Default: 3s."),
        .init("response_head", .named(.duration), "Until a response's head is complete. Default: 30s."),
        .init("body", .named(.duration), "How long a body may make no progress. Default: 30s."),
        .init("drain", .named(.duration), "How long requests in flight get when Apus stops. Default: 30s."),
    ])

    static let limits = SchemaValue.section([
        .init("head", .named(.size), "Bytes of a head. Default: 64KiB."),
        .init("fields", .integer(1...100), "Field lines of a request's head. Default: 100."),
        .init("response_fields", .integer(1...256), "Field lines of a response's head. Default: 256."),
        .init("target", .named(.size), "Bytes of a request's target. Default: 8KiB."),
        .init("body", .named(.size).or("unlimited"), "Bytes of a request's body. Default: unlimited."),
        .init("min_rate", .named(.size).or("off"), "Bytes per second that a body makes at least. Default: 240B."),
        .init("connections", .integer(1...1_000_000), "Client connections of one listener. Default: 10000."),
        .init("buffer_memory", .named(.size), "Bytes of buffers of one worker. Default: 256MiB."),
        .init("attempts", .integer(1...16), "Attempts for one request. Default: 3."),
    ])

    private static let destination = SchemaValue.text(pattern: "^(stdout|syslog(:.+)?|off|false|/.*)$|\\$\\{")

    static let accessLog = SchemaValue.either([
        destination, .words(["off"]),
        .section([
            .init(
                "to", .either([destination, .words(["off"])]), "`stdout`, `syslog`, `off` or an absolute path.",
                isRequired: true),
            .init("format", .text(), "`json`, `combined`, or a template with fields in braces. Default: json."),
            .init("sample", .text(pattern: "^1/[0-9]+$|\\$\\{"), "One of how many requests is logged. Default: 1/1."),
            .init("failures", .words(["always", "sampled"]), "Whether `sample` holds for failures. Default: always."),
            .init("facility", .text(), "For syslog. Default: local0."),
            .init("tag", .text(), "For syslog. Default: apus."),
        ]),
    ])

    static let admin = SchemaValue.section([
        .init(
            "bind", .either([.named(.address), .text(pattern: "^unix:/")]), "An address, or `unix:` and a path.",
            isRequired: true),
        .init(
            "role", .words(["metrics", "read", "change"]),
            "What callers may do. Default: change with a token or on a Unix socket, else read."),
        .init("token", .named(.secret), "What callers must say, 16 bytes or more."),
        .init("hosts", .list(of: .text()), "Host names it answers to, besides addresses and localhost."),
        .init(
            "files", .list(of: .text(pattern: "^/|\\$\\{")),
            "Files that a configuration which callers send may use, such as `/etc/apus/*.yaml`. Default: none."),
    ])

    static let process = SchemaValue.section([
        .init("user", .text(), "Whom the process becomes, first of all, where root started it."),
        .init("group", .text(), "Default: the user's."),
    ])

    static let state = SchemaValue.section([
        .init("directory", .text(pattern: "^/|\\$\\{"), "Where revisions are kept.", isRequired: true),
        .init("keep", .integer(1...1000), "How many. Default: 10."),
    ])
}
