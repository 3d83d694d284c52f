/// What a configuration says about the names of clients' fields.
///
/// CGI, WSGI and what is built on them turn a field's name into a variable in which every character that is not a letter
/// or digit becomes an underscore: `X_Forwarded_For` and `X.Forwarded.For` are X-Forwarded-For to them. So names are
/// compared folded here.
public struct ClientFieldRules: Sendable {
    /// Names that count among those that only trusted proxies may send, besides those that do anyway.
    private let removed: FoldedNames
    /// Names that do not count among them, although they would.
    private let kept: FoldedNames
    /// Names that routes and pools look at or write: what only folds into one of them is dropped.
    private let watched: FoldedNames
    /// Whether some of those are configured.
    let hasNames: Bool
    /// Whether names with underscores are forwarded.
    private let keepsUnderscores: Bool

    public init(
        removed: [String] = [], kept: [String] = [], watched: [String] = [], keepsUnderscores: Bool = false
    ) {
        self.removed = FoldedNames(removed)
        self.kept = FoldedNames(kept)
        self.watched = FoldedNames(watched)
        hasNames = !removed.isEmpty || !kept.isEmpty
        self.keepsUnderscores = keepsUnderscores
    }

    /// What becomes of a name that consists of letters, digits and hyphens.
    func adjusted(_ field: KnownField, _ bytes: Span<UInt8>, _ name: Range<Int>) -> KnownField {
        switch field {
        // Those that `role` calls other.
        case .other, .apusReason, .via, .authorization: removed.contains(bytes, name) ? .claim : field
        case .claim, .realIP, .forwarded: kept.contains(bytes, name) ? .other : field
        default: field
        }
    }

    /// Whether a field whose name has other characters is dropped, whoever sent it.
    func drops(_ bytes: Span<UInt8>, _ name: Range<Int>) -> Bool {
        if !keepsUnderscores {
            for index in name where bytes[index] == UInt8(ascii: "_") { return true }
        }
        if removed.contains(bytes, name) { return true }
        if kept.contains(bytes, name) { return false }
        return KnownField(folding: bytes, name) != .other || watched.containsOtherSpelling(of: bytes, name)
    }
}

extension ClientFieldRules {
    /// Whether a trailer of that name is dropped: it must say nothing that the head may not, and nothing that routes or
    /// pools look at or write, since some origins merge trailers into the head.
    func dropsTrailer(_ bytes: Span<UInt8>, _ name: Range<Int>) -> Bool {
        drops(bytes, name) || watched.contains(bytes, name)
    }

    /// What a field means to Apus, whatever is configured.
    public enum Role: Sendable {
        /// Says who the client is or what it asked for.
        case claim
        /// Such a claim that Apus writes itself.
        case written
        /// Framing, routing, the connection.
        case understood
        /// Says that Apus has forwarded the request before.
        case mark
        case other
    }

    public static func role(of name: String) -> Role {
        guard let field = field(named: name) else { return .other }
        switch field {
        case .forwardedFor, .forwardedHost, .forwardedProto, .forwardedPort, .forwardedPrefix, .clientCertificate:
            return .written
        case .claim, .forwarded, .realIP: return .claim
        case .other, .apusReason, .via, .authorization: return .other
        case .apusLoop: return .mark
        default: return .understood
        }
    }
}

extension ClientFieldRules {
    /// Whether it is one of the fields by which Apus tells origins of a client's certificate, and takes from everybody else.
    public static func isOfCertificate(_ name: String) -> Bool { field(named: name) == .clientCertificate }

    private static func field(named name: String) -> KnownField? {
        let bytes = Array(name.utf8)
        return bytes.isEmpty ? nil : KnownField(folding: bytes.span, 0..<bytes.count)
    }
}

/// A set of names that are compared folded.
struct FoldedNames: Sendable {
    /// A bit for each length that a name has; the last stands for all longer ones.
    private var lengths: UInt64 = 0
    private var text: [UInt8] = []
    private var ends: [Int] = []

    init(_ names: [String]) {
        for name in names where !name.isEmpty {
            text += Array(name.utf8)
            ends.append(text.count)
            lengths |= 1 << UInt64(min(name.utf8.count, 63))
        }
    }

    private func mayContain(length: Int) -> Bool { lengths &>> UInt64(min(length, 63)) & 1 != 0 }

    func contains(_ bytes: Span<UInt8>, _ name: Range<Int>) -> Bool {
        mayContain(length: name.count) && find(bytes, name) { _ in true }
    }

    /// Whether a name folds into one of these and is not written like it.
    func containsOtherSpelling(of bytes: Span<UInt8>, _ name: Range<Int>) -> Bool {
        guard mayContain(length: name.count), find(bytes, name, where: { _ in true }) else { return false }
        return !find(bytes, name) { known in
            for index in 0..<name.count
            where lowercased(bytes[name.lowerBound + index]) != lowercased(text[known.lowerBound + index]) {
                return false
            }
            return true
        }
    }

    private func find(_ bytes: Span<UInt8>, _ name: Range<Int>, where isWanted: (Range<Int>) -> Bool) -> Bool {
        var start = 0
        for end in ends {
            if bytes.isFoldedName(name, text.span.extracting(start..<end)), isWanted(start..<end) { return true }
            start = end
        }
        return false
    }
}
