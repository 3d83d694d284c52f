import ApusModel
import ApusRouting

/// What is asked of one header, parameter or cookie: a value, or a mapping with one kind of test.
struct ValueConditionSection {
    private(set) var test = ValueTest.present
    private(set) var isNegated = false
    private var isUnderstood = true

    private init() {}

    init?(_ field: Field, _ findings: inout Findings) {
        if let text = field.node.text {
            test = .exact(Array(text.utf8))
            return
        }
        guard case .mapping = field.node.content else {
            field.reject(
                expected: "a value, or one of \(Self.forms)",
                hint: field.node.isList ? "for one of several values write `{ regex: \"a|b\" }`" : nil, &findings)
            return nil
        }
        let example = "{ present: true }"
        guard var section = Section(field, "a condition", example: example, &findings) else { return nil }
        read(&section, of: Located(value: field.key.value, position: field.position), &findings)
        if !isUnderstood { return nil }
    }

    private static let forms = "`{ present: true }`, `{ prefix: a }`, `{ regex: \"^a+$\" }`, `{ not: a }`"

    private mutating func read(_ field: Field, _ findings: inout Findings) -> Bool {
        switch field.key.value {
        case "present":
            guard let isPresent = field.flag(&findings) else { return false }
            isNegated = !isPresent
        case "prefix":
            guard let text = field.text(expected: "the beginning of a value, such as `2.`", &findings) else {
                return false
            }
            test = .prefix(Array(text.value.utf8))
        case "regex":
            guard let regex = field.regularExpression(&findings) else { return false }
            test = .regex(regex)
        default:
            guard let inner = ValueConditionSection(field, &findings) else { return false }
            self = inner
            isNegated.toggle()
        }
        return true
    }
}

extension ValueConditionSection: Keyed {
    static let usual = ValueConditionSection()

    static let keys: [SectionKey<ValueConditionSection>] = [
        SectionKey("present", .flag, "Whether there is one, whatever it says."),
        SectionKey("prefix", .text(), "How the value begins."),
        SectionKey("regex", .text(), "A regular expression that the whole value matches."),
        SectionKey("not", .named(.condition), "What the value is not to be."),
    ]

    mutating func check(_ written: WrittenKeys, _ findings: inout Findings) {
        let fields = written.these(Self.keys.map(\.name))
        guard let first = fields.first else {
            isUnderstood = false
            findings.error(
                "`\(written.name)` asks nothing; expected one of \(Self.forms)", at: written.position)
            return
        }
        if fields.count > 1 {
            isUnderstood = false
            findings.error(
                "`\(written.name)` is asked for in one way only, found `\(first.key.value)` and "
                    + "`\(fields[1].key.value)`; keep one", at: fields[1].key.position)
            return
        }
        isUnderstood = read(first, &findings)
    }
}
