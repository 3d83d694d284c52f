public import ApusModel
import FoundationEssentials

extension Certificate {
    /// The day on which it ends, in UTC: `2027-01-31`.
    public var lastDay: String { Self.day(notAfter) }

    /// Enough of the fingerprint to tell it from another.
    var shortFingerprint: String { hex(fingerprint.prefix(4)) }

    /// A day in UTC, of seconds since 1970.
    static func day(_ seconds: Int64) -> String {
        Date(timeIntervalSince1970: Double(seconds)).formatted(.iso8601.year().month().day())
    }
}

extension StapledResponse {
    /// `OCSP until 2027-01-31`; nil where none is shown.
    var words: String? {
        guard let until else { return nil }
        return until == .max ? "OCSP" : "OCSP until \(Certificate.day(until))"
    }
}

func hex(_ bytes: some Sequence<UInt8>) -> String {
    bytes.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
}
