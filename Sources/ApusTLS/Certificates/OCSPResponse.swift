internal import CNIOBoringSSL

/// What an authority answered about one certificate (OCSP, RFC 6960), as far as it must be known to be shown with the certificate
/// (RFC 6066 section 8). Its signature is for clients to verify.
struct OCSPResponse: Equatable {
    /// Since when the answer holds, in seconds since 1970.
    let thisUpdate: Int64
    /// Until when the answer holds, in seconds since 1970; nil where it does not say.
    let nextUpdate: Int64?

    /// Bytes at most: it goes into a handshake, and real ones have two thousand.
    static let mostBytes = 32 << 10

    /// - Parameters:
    ///   - der: the response as the authority sent it.
    ///   - subject: the certificate that it is to be about.
    init(_ der: [UInt8], about subject: OCSPSubject) throws(OCSPFault) {
        guard der.count <= Self.mostBytes else { throw .tooLarge }
        var response = DERReader(der[...])
        guard var answer = response.inside(.sequence), response.isAtEnd, let status = answer.next(.enumerated)?.first
        else {
            throw .unreadable
        }
        guard status == 0 else { throw .refused(status) }
        guard var typed = answer.inside(.explicit(0)), var body = typed.inside(.sequence),
            body.next(.objectIdentifier) != nil, var octets = body.inside(.octets),
            var basic = octets.inside(.sequence),
            var data = basic.inside(.sequence)
        else { throw .unreadable }
        // Before the answers: the version, who has answered, and when.
        _ = data.next(.explicit(0))
        guard data.next() != nil, data.next(.time) != nil, var answers = data.inside(.sequence) else {
            throw .unreadable
        }
        while var single = answers.inside(.sequence) {
            guard var asked = single.inside(.sequence), asked.next(.sequence) != nil,
                let name = asked.next(.octets), let key = asked.next(.octets), let number = asked.next(.integer),
                let state = single.next(), let from = single.next(.time), let thisUpdate = Self.seconds(from)
            else { throw .unreadable }
            guard subject.isNamed(byIssuer: name, key: key, serial: number) else { continue }
            self.thisUpdate = thisUpdate
            switch state.tag & 0x1f {
            case 0: break
            case 1: throw .revoked
            default: throw .unknown
            }
            guard var next = single.inside(.explicit(0)) else {
                nextUpdate = nil
                return
            }
            guard let time = next.next(.time), let seconds = Self.seconds(time) else { throw .unreadable }
            nextUpdate = seconds
            return
        }
        throw answers.isAtEnd ? .ofAnother : .unreadable
    }

    private static func seconds(_ text: ArraySlice<UInt8>) -> Int64? {
        guard let time = unsafe ASN1_GENERALIZEDTIME_new() else { return nil }
        defer { unsafe ASN1_GENERALIZEDTIME_free(time) }
        var seconds: Int64 = 0
        guard unsafe ASN1_GENERALIZEDTIME_set_string(time, String(decoding: text, as: UTF8.self)) == 1,
            unsafe ASN1_TIME_to_posix(time, &seconds) == 1
        else { return nil }
        return seconds
    }
}

/// A certificate as questions about it name it (RFC 6960 section 4.1.1).
struct OCSPSubject: Equatable {
    /// Its serial number, without leading zeros.
    var serial: [UInt8]
    /// Its issuer's name, in DER.
    var issuer: [UInt8]
    /// Its issuer's public key, as bits; nil where the issuer's certificate is not at hand.
    var issuerKey: [UInt8]?

    /// - Parameters:
    ///   - name: a hash of the issuer's name, by whatever function has so many bytes.
    ///   - key: one of its public key.
    fileprivate func isNamed(
        byIssuer name: ArraySlice<UInt8>, key: ArraySlice<UInt8>, serial number: ArraySlice<UInt8>
    ) -> Bool {
        guard number.drop(while: { $0 == 0 }).elementsEqual(serial), Self.hash(issuer, name.count) == Array(name) else {
            return false
        }
        guard let issuerKey else { return true }
        return Self.hash(issuerKey, key.count) == Array(key)
    }

    private static func hash(_ bytes: [UInt8], _ count: Int) -> [UInt8]? {
        var hash = [UInt8](repeating: 0, count: count)
        switch count {
        case 20: unsafe SHA1(bytes, bytes.count, &hash)
        case 32: unsafe SHA256(bytes, bytes.count, &hash)
        case 48: unsafe SHA384(bytes, bytes.count, &hash)
        case 64: unsafe SHA512(bytes, bytes.count, &hash)
        default: return nil
        }
        return hash
    }
}

extension OCSPSubject {
    /// - Parameter issuer: what stands behind the certificate in its chain.
    init(_ certificate: borrowing ParsedCertificate, issuedBy issuer: [UInt8]?) {
        serial = certificate.serial
        self.issuer = certificate.issuerName
        guard let issuer, let parsed = try? ParsedCertificate(issuer), parsed.subjectName == self.issuer else { return }
        issuerKey = parsed.publicKey
    }
}

/// Why an answer of an authority is not shown with its certificate.
public enum OCSPFault: Error, Sendable, Equatable {
    /// It is no response of OCSP, or cut off.
    case unreadable
    /// It has more bytes than go into a handshake.
    case tooLarge
    /// The authority did not answer the question (RFC 6960 section 4.2.1).
    case refused(UInt8)
    /// It is about other certificates.
    case ofAnother
    case revoked
    /// The authority does not know the certificate.
    case unknown
}

/// Reads values of DER (X.690), one after the other.
private struct DERReader {
    /// Kinds of values, by their first byte.
    struct Tag: Equatable {
        var byte: UInt8
        static let integer = Tag(byte: 2), octets = Tag(byte: 4), objectIdentifier = Tag(byte: 6)
        static let enumerated = Tag(byte: 10), time = Tag(byte: 0x18), sequence = Tag(byte: 0x30)
        static func explicit(_ number: UInt8) -> Tag { Tag(byte: 0xa0 | number) }
    }

    private var rest: ArraySlice<UInt8>

    init(_ bytes: ArraySlice<UInt8>) { rest = bytes }

    var isAtEnd: Bool { rest.isEmpty }

    /// The next value and its kind; nil where there is none, or it is cut off.
    mutating func next() -> (tag: UInt8, content: ArraySlice<UInt8>)? {
        guard rest.count >= 2, let tag = rest.first else { return nil }
        let short = Int(rest[rest.startIndex + 1])
        var content = rest.dropFirst(2)
        var count = short
        if short >= 0x80 {
            // Of more than three bytes is no file that was read.
            guard case let bytes = short - 0x80, (1...3).contains(bytes), content.count >= bytes else { return nil }
            count = content.prefix(bytes).reduce(0) { $0 << 8 | Int($1) }
            content = content.dropFirst(bytes)
        }
        guard content.count >= count else { return nil }
        rest = content.dropFirst(count)
        return (tag, content.prefix(count))
    }

    /// The next value, if it is of that kind; else it is still the next.
    mutating func next(_ tag: Tag) -> ArraySlice<UInt8>? {
        guard rest.first == tag.byte else { return nil }
        return next()?.content
    }

    /// The values in the next one, if it is of that kind.
    mutating func inside(_ tag: Tag) -> DERReader? { next(tag).map(DERReader.init) }
}
