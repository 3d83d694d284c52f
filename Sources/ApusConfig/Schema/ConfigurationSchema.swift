/// The JSON Schema of a configuration file (draft 2020-12), by which editors complete and check keys.
///
/// It knows every key, and what kind of value each takes; what values say about each other is the loader's business.
public enum ConfigurationSchema {
    /// One JSON object, on one line.
    public static var text: String {
        let definitions = SchemaName.allCases.map { "\(quoted($0.rawValue)):\(definition($0))" }.joined(separator: ",")
        return "{\"$schema\":\"https://json-schema.org/draft/2020-12/schema\",\"title\":\"Apus configuration\","
            + "\"$defs\":{\(definitions)},\(SchemaValue.section(root).json.dropFirst())"
    }

    private static func definition(_ name: SchemaName) -> String {
        let variable = "\\\\$\\\\{"
        func pattern(_ pattern: String) -> String { "{\"type\":\"string\",\"pattern\":\"\(pattern)|\(variable)\"}" }
        return switch name {
        case .duration: pattern("^([0-9]+(\\\\.[0-9]+)?(ms|s|m|h|d))+$")
        case .size: pattern("^[0-9]+(\\\\.[0-9]+)?([bB]|[kKmMgG][iI]?[bB])$")
        case .percent: pattern("^[0-9]+%$")
        case .secret:
            SchemaValue.either([
                .text(), .section([.init("file", .text(), "The file that holds it.", isRequired: true)]),
            ]).json
        case .address: pattern(":[0-9]+$")
        case .path: pattern("^(/|~ )")
        case .name: "{\"type\":[\"string\",\"number\"]}"
        case .network: pattern("^[0-9a-fA-F:.]+(/[0-9]+)?$")
        case .statuses:
            SchemaValue.either([.integer(100...599), .text(pattern: "^[0-9]{3}-[0-9]{3}$")]).oneOrMore.json
        case .condition:
            SchemaValue.either([
                .text(),
                .section([
                    .init("present", .flag, "Whether there is one, whatever it says."),
                    .init("prefix", .text(), "How the value begins."),
                    .init("regex", .text(), "A regular expression that the whole value matches."),
                    .init("not", .named(.condition), "What the value is not to be."),
                ]),
            ]).json
        case .variable: "{\"type\":\"string\",\"pattern\":\"\(variable)\"}"
        }
    }

    static let root: [SchemaKey] = [
        .init("node", .named(.name), "This balancer's own name. Default: the host's name."),
        .init("zone", .named(.name), "The zone that this balancer is in."),
        .init("workers", .integer(1...1024), "Threads that carry traffic. Default: one per core."),
        .init("listeners", .list(of: listener), "Addresses on which clients are accepted."),
        .init("pools", .names(of: pool), "Endpoints that answer alike, by name."),
        .init("timeouts", timeouts, "How long anything may take."),
        .init("limits", limits, "How much of anything there may be."),
        .init("trusted_proxies", .list(of: .named(.network)), "Proxies whose X-Forwarded fields are believed."),
        .init("client_headers", clientHeaders, "Which headers of clients are removed because of their names."),
        .init("access_log", accessLog, "Where one line per request goes. Default: off."),
        .init("admin", admin.oneOrMore.orOff, "The admin server's listeners. Default: off."),
        .init("process", process, "Whom the process becomes."),
        .init(
            "state", .either([state, .text(pattern: "^(/|off$)|\\$\\{"), .words(["off"])]),
            "Where revisions are kept. Default: off."),
        .init(
            "watch", .named(.duration).or("on", "off"), "How often the files are looked at for changes. Default: off."),
        .init("include", .text().oneOrMore, "Further files, seen from this one; `*` stands for any text."),
    ]
}
