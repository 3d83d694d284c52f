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
        return "{ " + told.map { "\($0.key): \($0.value.inline)" }.joined(separator: ", ") + " }"
    }

    /// One entry for each word, sections unfolded: `timeouts.idle` and `75s`.
    public var words: [(key: String, value: String)] {
        entries.flatMap { entry in
            switch entry.value {
            case .section(let section): section.words.map { ("\(entry.key).\($0.key)", $0.value) }
            default: [(entry.key, entry.value.inline)]
            }
        }
    }
}

extension Settings.Value {
    /// On one line, as the configuration would say it.
    public var inline: String {
        switch self {
        case .word(let word): word
        case .concealed: "(not shown)"
        case .section(let section): section.inline
        }
    }
}

// MARK: - Making them

extension Settings {
    mutating func add(_ key: String, _ word: String, usual: String?) {
        entries.append(Entry(key: key, value: .word(word), isUsual: word == usual))
    }

    /// A word that stands for itself, which nothing is when it is left out.
    mutating func add(_ key: String, _ word: String?) {
        if let word { entries.append(Entry(key: key, value: .word(word), isUsual: false)) }
    }

    mutating func add(_ key: String, _ duration: Duration, usual: Duration) {
        add(key, duration.configured, usual: usual.configured)
    }

    mutating func add(_ key: String, _ number: Int, usual: Int) { add(key, "\(number)", usual: "\(usual)") }

    mutating func add(_ key: String, percent: Int, usual: Int) { add(key, "\(percent)%", usual: "\(usual)%") }

    mutating func add(_ key: String, _ number: Int?, usual: Int?, none: String) {
        add(key, number.map(String.init) ?? none, usual: usual.map(String.init) ?? none)
    }

    mutating func add(_ key: String, concealed bytes: [UInt8]) {
        entries.append(Entry(key: key, value: .concealed(bytes), isUsual: false))
    }

    /// A section that is always in force.
    mutating func add(_ key: String, _ section: Settings) {
        entries.append(Entry(key: key, value: .section(section), isUsual: section.isUsual))
    }

    /// A section that is `off` unless it is written.
    mutating func add(_ key: String, switched section: Settings?) {
        let value = section.map(Value.section) ?? .word("off")
        entries.append(Entry(key: key, value: value, isUsual: section == nil))
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
            let key = prefix + entry.key
            guard let old = older[entry.key] else {
                if !entry.isUsual { changes.append(Self.change(key, nil, entry.value)) }
                continue
            }
            if case .section(let one) = old.value, case .section(let other) = entry.value {
                changes += one.changes(to: other, within: key + ".")
            } else if old.value != entry.value {
                changes.append(Self.change(key, old.value, entry.value))
            }
        }
        let kept = Set(newer.entries.map(\.key))
        for entry in entries where !kept.contains(entry.key) && !entry.isUsual {
            changes.append(Self.change(prefix + entry.key, entry.value, nil))
        }
        return changes
    }

    private static func change(_ key: String, _ old: Value?, _ new: Value?) -> SettingChange {
        if case .concealed = old, case .concealed = new { return SettingChange(key: key, old: nil, new: nil) }
        return SettingChange(key: key, old: old?.inline ?? "none", new: new?.inline ?? "none")
    }
}
