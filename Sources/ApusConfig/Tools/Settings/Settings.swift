/// One part of a configuration as it is in force, defaults included, in the words of the configuration's language.
///
/// What a person is told about a configuration (`check`, `explain`, `diff`) is told from these, so that all of them use
/// the file's own names. Secrets are compared and never shown.
public struct Settings: Sendable, Equatable {
    public enum Value: Sendable, Equatable {
        /// As it would be written, such as `30s`.
        case word(String)
        /// Compared, but told to nobody.
        case concealed([UInt8])
        case section(Settings)
    }

    public struct Entry: Sendable, Equatable {
        /// Empty for the value that may stand instead of a section, such as a redirect's location.
        public var key: String
        public var value: Value
        /// Whether it is what it would be if nothing had been written.
        public var isUsual: Bool
    }

    public private(set) var entries: [Entry] = []

    public init() {}

    /// Whether nothing in it differs from the defaults.
    public var isUsual: Bool { entries.allSatisfy(\.isUsual) }

    public subscript(key: String) -> Value? { entries.first { $0.key == key }?.value }

    /// On one line, as the configuration would say it: what is usual is left out; `on` when all is.
    public var inline: String {
        let told = entries.filter { !$0.isUsual }
        if told.isEmpty { return "on" }
        if told.count == 1, told[0].key.isEmpty { return told[0].value.inline }
        let words = told.map { $0.key.isEmpty ? $0.value.inline : "\($0.key): \($0.value.inline)" }
        return "{ " + words.joined(separator: ", ") + " }"
    }

    /// One entry for each word, sections unfolded: `timeouts.idle` and `75s`.
    public var words: [(key: String, value: String)] {
        entries.flatMap { entry in
            switch entry.value {
            case .section(let section): section.words.map { (Self.path(entry.key, $0.key), $0.value) }
            default: [(entry.key, entry.value.inline)]
            }
        }
    }
}

extension Settings.Value {
    /// On one line, as the configuration would say it, without what stands behind the sensitive names of a query.
    public var inline: String {
        switch self {
        case .word(let word): concealingQuery(word)
        case .concealed: "(not shown)"
        case .section(let section): section.inline
        }
    }
}

// MARK: - Making them

extension Settings {
    mutating func append(_ entry: Entry) { entries.append(entry) }

    mutating func insert(_ entry: Entry, at index: Int) { entries.insert(entry, at: index) }

    mutating func add(_ key: String, _ word: String) {
        entries.append(Entry(key: key, value: .word(word), isUsual: false))
    }

    mutating func add(_ key: String, concealed bytes: [UInt8]) {
        entries.append(Entry(key: key, value: .concealed(bytes), isUsual: false))
    }

    /// A header field's value, which is kept to itself where its name says that it lets somebody in.
    mutating func addField(_ key: String, named name: String, _ value: String) {
        if isSensitive(fieldName: name) {
            add(key, concealed: Array(value.utf8))
        } else {
            add(key, value.debugDescription)
        }
    }
}

// MARK: - Comparing them

/// A setting whose value differs between two configurations.
public struct SettingChange: Sendable, Equatable {
    /// With the keys of the sections around it: `health.interval`.
    public var key: String
    /// Nil when it may not be shown.
    public var old: String?
    public var new: String?

    /// `health.interval 5s -> 2s`, or `sticky.secret changed`.
    public var words: String {
        if let old, let new { "\(key) \(old) -> \(new)" } else { "\(key) changed" }
    }
}

extension Settings {
    /// What is different in `newer`, in its order; what only this one has comes last.
    func changes(to newer: Settings, within prefix: String = "") -> [SettingChange] {
        let older = Dictionary(entries.map { ($0.key, $0) }, uniquingKeysWith: { first, _ in first })
        var changes: [SettingChange] = []
        for entry in newer.entries {
            let key = Self.path(prefix, entry.key)
            guard let old = older[entry.key] else {
                if !entry.isUsual { changes.append(Self.change(key, nil, entry.value)) }
                continue
            }
            if case .section(let one) = old.value, case .section(let other) = entry.value {
                changes += one.changes(to: other, within: key)
            } else if old.value != entry.value {
                changes.append(Self.change(key, old.value, entry.value))
            }
        }
        let kept = Set(newer.entries.map(\.key))
        for entry in entries where !kept.contains(entry.key) && !entry.isUsual {
            changes.append(Self.change(Self.path(prefix, entry.key), entry.value, nil))
        }
        return changes
    }

    /// A key below others, such as `health.interval`, or one of several things, such as `certificates(a.test)`. A section's own
    /// value has no key.
    private static func path(_ section: String, _ key: String) -> String {
        section.isEmpty ? key : key.isEmpty ? section : key.hasPrefix("(") ? section + key : "\(section).\(key)"
    }

    private static func change(_ key: String, _ old: Value?, _ new: Value?) -> SettingChange {
        let (before, after) = (old?.inline ?? "none", new?.inline ?? "none")
        // What differs may not be shown.
        if before == after { return SettingChange(key: key, old: nil, new: nil) }
        return SettingChange(key: key, old: before, new: after)
    }
}
