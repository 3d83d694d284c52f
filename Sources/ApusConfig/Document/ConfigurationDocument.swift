import ApusModel

/// The main file and everything that it includes, read and put together as if it were one.
struct ConfigurationDocument {
    /// What the files say together; nil when the main file says nothing that can be understood.
    private(set) var root: Node?
    /// The main one first.
    private(set) var files: [ConfigurationFile] = []

    /// Whether every file that is included could be read.
    private(set) var isComplete = true

    private let loader: ConfigurationLoader
    /// The files that are being read, each included by the one before it.
    private var chain: [String] = []
    /// Where each file was asked for.
    private var known: [String: SourcePosition] = [:]
    private var roots: [Node] = []

    /// Files within files at most.
    private static let depthLimit = 16
    /// Files, and bytes of all of them together, at most.
    private static let fileLimit = 10_000
    private static let byteLimit = 64 << 20
    private var byteCount = 0

    init(text: String, file: String, _ loader: ConfigurationLoader, _ findings: inout Findings) {
        self.loader = loader
        byteCount = text.utf8.count
        read(text, path: file, &findings)
        root = Self.joined(roots, &findings)
    }

    private mutating func read(_ text: String, path: String, _ findings: inout Findings) {
        files.append(ConfigurationFile(path: path, text: text))
        let source = findings.add(Source(file: path, text: text))
        let hadErrors = findings.hasErrors
        var foreign = findings
        let node = Node(
            parsing: text, source: source, variables: Variables(value: loader.environment, limit: loader.limit),
            &findings)
        if !Self.hasSections(node), foreign.foreignFile(source) {
            findings = foreign
            return
        }
        guard let node else {
            // An included file may be all comments; the main one may not.
            if chain.isEmpty, findings.hasErrors == hadErrors { findings.emptyFile(source) }
            return
        }
        findings.hideSecrets(of: node, in: source)
        roots.append(node)
        guard case .mapping(let entries) = node.content,
            let entry = entries.first(where: { $0.key.value == "include" })
        else { return }
        chain.append(Self.normalized(path))
        include(Field(key: entry.key, node: entry.value), from: path, &findings)
        chain.removeLast()
    }

    /// Whether the text is a mapping with one of the sections that every configuration has.
    private static func hasSections(_ node: Node?) -> Bool {
        guard case .mapping(let entries)? = node?.content else { return false }
        return entries.contains { ["listeners", "pools"].contains($0.key.value) }
    }

    // MARK: - Includes

    private mutating func include(_ field: Field, from path: String, _ findings: inout Findings) {
        let items = if case .sequence(let items) = field.node.content { items.map(field.item) } else { [field] }
        for item in items {
            guard let name = item.node.text, !name.isEmpty else {
                item.reject(expected: "a path, or a list of them such as `[pools.d/*.yaml]`", &findings)
                continue
            }
            let written = Located(value: name, position: item.node.position)
            let (paths, grant) = paths(written, from: path, &findings)
            for path in paths { include(path, written, grant, &findings) }
        }
    }

    /// The files that an `include` means, in the order of their names; and how they were granted, where it was all of them
    /// together.
    private mutating func paths(
        _ name: Located<String>, from path: String, _ findings: inout Findings
    ) -> ([String], ReachLimit.Grant?) {
        let folder = ConfigurationLoader.folderAndName(of: path).folder
        let full = Self.joined(folder, name.value)
        let (directory, pattern) = ConfigurationLoader.folderAndName(of: full)
        guard pattern.contains("*") || directory.contains("*") else { return ([full], nil) }
        guard !directory.contains("*") else {
            findings.error("`include`: a `*` may stand in a file's name only, not in a directory's", at: name.position)
            return ([], nil)
        }
        let use = ReachUse.include(ReachUse.absolute(full))
        let own = loader.grant(use)
        findings.note(use, own)
        let isRunning = loader.readsMemory || own == .running
        guard isRunning || loader.limit?.listsFiles(of: directory) == true else {
            refuse(use, name, &findings)
            return ([], nil)
        }
        do throws(any Error) {
            let names = try loader.listFiles(directory).filter { file in
                guard !file.hasPrefix("."), Self.matches(file, pattern) else { return false }
                guard !isRunning, let limit = loader.limit else { return true }
                return limit.grant(.include(ReachUse.absolute(Self.joined(directory, file)))) != nil
            }
            if names.isEmpty {
                findings.warning("`include`: \(Node.quoted(name.value, by: "`")) finds no file", at: name.position)
            }
            // A pattern that finds the file in which it stands does not mean it.
            let paths = names.sorted().map { Self.joined(directory, $0) }
            return (paths.filter { !chain.contains(Self.normalized($0)) }, loader.readsMemory ? nil : own)
        } catch {
            isComplete = false
            findings.error(
                "`include`: the directory \(Node.quoted(directory, by: "`")) cannot be read: \(error)",
                at: name.position)
            return ([], nil)
        }
    }

    private mutating func refuse(_ use: ReachUse, _ name: Located<String>, _ findings: inout Findings) {
        isComplete = false
        findings.error("`include`: \(use.refusal)", at: name.position)
    }

    private mutating func include(
        _ path: String, _ name: Located<String>, _ granted: ReachLimit.Grant?, _ findings: inout Findings
    ) {
        guard !path.hasControls else {
            isComplete = false
            findings.error("`include`: \(noControls)", at: name.position)
            return
        }
        let identity = Self.normalized(path)
        if chain.contains(identity) {
            findings.error(
                "`include`: \(Node.quoted(path, by: "`")) is what is being read here; a file cannot include itself, nor one "
                    + "that includes it", at: name.position)
            return
        }
        if let other = known[identity] {
            findings.error(
                "`include`: \(Node.quoted(path, by: "`")) is included by \(findings.told(other, from: name.position)) already",
                at: name.position)
            return
        }
        known[identity] = name.position
        guard chain.count < Self.depthLimit else {
            findings.error(
                "`include`: files are included more than \(Self.depthLimit) deep within each other", at: name.position)
            return
        }
        let use = ReachUse.include(ReachUse.absolute(path))
        guard let rules = loader.rules(.configuration, for: use, granted) else {
            refuse(use, name, &findings)
            return
        }
        findings.note(use, granted ?? loader.grant(use))
        guard files.count < Self.fileLimit else {
            findings.error("`include`: more than \(Self.fileLimit) files are included", at: name.position)
            isComplete = false
            return
        }
        do throws(any Error) {
            let text = try loader.readFile(path, rules)
            byteCount += text.utf8.count
            guard byteCount <= Self.byteLimit else {
                throw FileSystem.ReadError("the files have more than \(Self.byteLimit >> 20) MiB together")
            }
            read(text, path: path, &findings)
        } catch {
            isComplete = false
            let advice = "\(error)" == FileSystem.isDirectory ? "; write `\(path)/*.yaml` for the files in it" : ""
            findings.error(
                "`include`: \(Node.quoted(path, by: "`")) cannot be read: \(error)\(advice)", at: name.position)
        }
    }

    /// `name` as seen from `folder`.
    static func joined(_ folder: String, _ name: String) -> String {
        if name.hasPrefix("/") || folder.isEmpty { return name }
        return folder.hasSuffix("/") ? folder + name : folder + "/" + name
    }

    /// One spelling for all of one file, as far as that can be seen from the path: `a/./b/../c` is `a/c`.
    private static func normalized(_ path: String) -> String {
        var parts: [Substring] = []
        for part in path.split(separator: "/") where part != "." {
            if part == "..", let last = parts.last, last != ".." { parts.removeLast() } else { parts.append(part) }
        }
        return (path.hasPrefix("/") ? "/" : "") + parts.joined(separator: "/")
    }

    /// Whether a name fits a pattern in which each `*` stands for any text.
    static func matches(_ name: String, _ pattern: String) -> Bool {
        let parts = pattern.split(separator: "*", omittingEmptySubsequences: false)
        guard let first = parts.first, let last = parts.last, parts.count > 1 else { return name == pattern }
        guard name.hasPrefix(first), name.hasSuffix(last), name.utf8.count >= first.utf8.count + last.utf8.count else {
            return false
        }
        var rest = name.dropFirst(first.count).dropLast(last.count)
        for part in parts.dropFirst().dropLast() where !part.isEmpty {
            guard let found = rest.firstRange(of: part) else { return false }
            rest = rest[found.upperBound...]
        }
        return true
    }
}

extension ConfigurationDocument {
    /// Lists of listeners one behind the other, pools side by side, and everything else in one place only.
    private static func joined(_ roots: [Node], _ findings: inout Findings) -> Node? {
        guard let main = roots.first, roots.count > 1 else { return roots.first }
        // Each section with all that is written of it, joined at once: file by file would copy what there is every time.
        var sections: [[Node.Entry]] = []
        var indexes: [String: Int] = [:]
        for root in roots {
            guard case .mapping(let added) = root.content else {
                findings.error(
                    "expected sections such as `pools: ...` in an included file, found \(root.described)",
                    at: root.position)
                continue
            }
            for entry in added where entry.key.value != "include" {
                if let index = indexes[entry.key.value] {
                    sections[index].append(entry)
                } else {
                    indexes[entry.key.value] = sections.count
                    sections.append([entry])
                }
            }
        }
        let entries = sections.map { joined($0[0], $0.dropFirst(), &findings) }
        return Node(content: .mapping(entries), position: main.position)
    }

    private static func joined(
        _ first: Node.Entry, _ others: ArraySlice<Node.Entry>, _ findings: inout Findings
    ) -> Node.Entry {
        guard !others.isEmpty else { return first }
        let content: Node.Content
        switch (first.key.value, first.value.content) {
        case ("listeners", .sequence(var items)):
            for other in others {
                if case .sequence(let more) = other.value.content {
                    items += more
                } else {
                    findings.writtenTwice(first, other)
                }
            }
            content = .sequence(items)
        case ("pools", .mapping(var pools)):
            var known = Dictionary(
                pools.map { ($0.key.value, $0.key.position) }, uniquingKeysWith: { first, _ in first })
            for other in others {
                if case .mapping(let more) = other.value.content {
                    append(more, to: &pools, &known, &findings)
                } else {
                    findings.writtenTwice(first, other)
                }
            }
            content = .mapping(pools)
        default:
            for other in others {
                switch (first.key.value, other.value.content) {
                // What is wrong with the first is told when it is read.
                case ("listeners", .sequence), ("pools", .mapping): break
                default: findings.writtenTwice(first, other)
                }
            }
            return first
        }
        return .init(key: first.key, value: Node(content: content, position: first.value.position))
    }

    private static func append(
        _ more: [Node.Entry], to pools: inout [Node.Entry], _ known: inout [String: SourcePosition],
        _ findings: inout Findings
    ) {
        for pool in more {
            if let place = known[pool.key.value] {
                findings.error(
                    "the pool \(Node.quoted(pool.key.value, by: "`")) is also written in "
                        + "\(findings.told(place, from: pool.key.position)); keep one of them", at: pool.key.position)
            } else {
                known[pool.key.value] = pool.key.position
                pools.append(pool)
            }
        }
    }
}

extension Findings {
    fileprivate mutating func writtenTwice(_ first: Node.Entry, _ second: Node.Entry) {
        let what = Node.quoted(second.key.value, by: "`")
        let advice =
            switch second.key.value {
            case "listeners": "to join them, both must be lists"
            case "pools": "to join them, both must be mappings"
            default: "keep one of them"
            }
        error(
            "\(what) is also written in \(told(first.key.position, from: second.key.position)); \(advice)",
            at: second.key.position)
    }
}
