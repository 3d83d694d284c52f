import ApusModel

/// A listener's `tickets`.
struct TicketsSection {
    /// The file of the keys.
    var keys: Located<String>?
    var rotation = ListenerTLS.usualTicketRotation

    init() {}

    /// What `diff` and `explain` show of a listener that runs.
    init(_ tls: ListenerTLS) {
        keys = tls.ticketKeys.map { keys in
            Located(
                value: "\(keys.file), \(counted(keys.count, "key")), \(hex(keys.digest.prefix(4)))", position: .start)
        }
        rotation = tls.ticketRotation
    }

    private static let path = Kind<Located<String>?>(
        .text(), words: "a path", told: { $0.map { .word($0.value) } },
        read: { field, findings in
            field.text(expected: "the path of a file of keys, such as `tickets.keys`", &findings).map { .some($0) }
        })

    static let kind = Kind<TicketsSection>.switched(example: "{ keys: tickets.keys }")
}

extension TicketsSection: Keyed {
    static let usual = TicketsSection()

    static let keys: [SectionKey<TicketsSection>] = [
        SectionKey(
            "keys", \.keys, path,
            "Keys that several instances share, one a line: `openssl rand -base64 48`. Tickets are sealed with the first.",
            usually: "keys of this process's own"),
        SectionKey(
            "rotate", \.rotation, Kind.duration(in: Bounds.ticketRotations),
            "How long a key of this process's own seals tickets before the next does; of several listeners, the shortest counts."
        ),
    ]

    mutating func check(_ written: WrittenKeys, _ findings: inout Findings) {
        if keys != nil {
            written.warnOfNoEffect(
                ["rotate"], "with `keys`: whoever writes that file changes the keys in it", &findings)
        }
    }
}
