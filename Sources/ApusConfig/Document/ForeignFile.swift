/// Files of other proxies, which are handed to Apus as they are.
enum ForeignFile {
    /// Whose configuration a text looks like; nil for what nobody else would write.
    static func owner(of lines: [Substring]) -> String? {
        for line in lines.prefix(200) {
            let words = line.split(whereSeparator: { $0 == " " || $0 == "\t" })
            guard let first = words.first, first.first != "#" else { continue }
            switch first {
            case "worker_processes", "upstream", "proxy_pass", "server_name", "server{": return "nginx"
            case "events", "http", "server", "stream":
                if words.dropFirst().first == "{" { return "nginx" }
            case "global", "defaults":
                if words.count == 1 { return "HAProxy" }
            case "frontend", "backend", "listen":
                if words.count == 2, words[1].last != ";" { return "HAProxy" }
            case "reverse_proxy": return "Caddy"
            case "static_resources:": return "Envoy"
            case "entryPoints:": return "Traefik"
            default: break
            }
        }
        return nil
    }
}

extension Findings {
    /// Says that a file is another program's, where it looks so, and shows what Apus reads.
    ///
    /// - Returns: whether it does.
    mutating func foreignFile(_ source: Int32) -> Bool {
        guard let owner = ForeignFile.owner(of: sources[Int(source)].lines) else { return false }
        error(
            "this looks like a configuration of \(owner); Apus has its own, in YAML",
            at: SourcePosition(line: 1, column: 1, source: source), note: Self.example)
        return true
    }
}
