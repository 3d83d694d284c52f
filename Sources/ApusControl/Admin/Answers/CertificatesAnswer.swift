import ApusConfig
import ApusModel
import FoundationEssentials

/// The certificates that are shown, each where it is: the answer to `GET /v1/certificates`.
struct CertificatesAnswer: Encodable {
    var certificates: [CertificateAnswer]
    /// The lists of revoked certificates by which those of clients are judged: the newest of each authority.
    var revocationLists: [RevocationListAnswer]

    struct CertificateAnswer: Encodable {
        /// The listener that shows it to clients, or the pool that shows it to its endpoints, or neither.
        var listener: String?
        var pool: String?
        /// The listener of the admin server that shows it to callers.
        var admin: String?
        /// The server names that it is shown for.
        var names: [String]
        var issuer: String
        var notBefore: Date
        var notAfter: Date
        /// Whole days until it ends; negative when it has.
        var daysLeft: Int
        /// `ECDSA 256`.
        var key: String
        /// SHA-256 of the certificate, in hexadecimal digits.
        var fingerprint: String
        /// The files that it was read from; none for text of the configuration.
        var file: String?
        var keyFile: String?
        /// What becomes of the authority's word that it is not revoked; nil where none is asked for.
        var ocsp: Stapling?
        /// Its file, and until when it holds, where it says that.
        var ocspFile: String?
        var ocspUntil: Date?
        /// Why it is not usable, and what to do.
        var ocspFault: String?

        /// When it was asked, in seconds since 1970; not told.
        fileprivate var now: Int64
        /// Whether it is to be warned of by now (`Certificate.warningTime`); no part of the answer.
        var endsSoon: Bool

        private enum CodingKeys: CodingKey {
            case listener, pool, admin, names, issuer, notBefore, notAfter, daysLeft, key,
                fingerprint, file, keyFile, ocsp, ocspFile, ocspUntil, ocspFault
        }
    }

    enum Stapling: String, Encodable {
        case shown
        /// It held until a time that has passed.
        case expired
        /// The file holds none that could be shown.
        case unusable
    }

    init(_ scene: AdminScene, now: Int64 = Int64(Date().timeIntervalSince1970)) {
        revocationLists = scene.snapshot.revocationLists.map { RevocationListAnswer($0, scene, now) }
        certificates = scene.names.listeners.flatMap { index in
            (scene.snapshot.listeners[index].tls?.certificates ?? []).map {
                CertificateAnswer($0.certificate, listener: scene.names.listenerNames[index], names: $0.names, now)
            }
        }
        certificates += scene.names.pools.compactMap { index in
            scene.snapshot.pools[index].tls?.certificate.map {
                CertificateAnswer($0, pool: scene.names.poolNames[index], names: $0.names, now)
            }
        }
        for admin in scene.snapshot.operations.admin {
            certificates += (admin.tls?.certificates ?? []).map {
                CertificateAnswer($0.certificate, admin: "\(admin.bind)", names: $0.names, now)
            }
        }
    }

    /// For people: those that end first come first.
    var text: String {
        guard !certificates.isEmpty else { return "no listener, no pool and no admin server has a certificate\n" }
        let sorted = certificates.sorted { ($0.daysLeft, $0.names.first ?? "") < ($1.daysLeft, $1.names.first ?? "") }
        return (sorted.map(\.text) + revocationLists.map(\.text)).joined()
    }
}

extension CertificatesAnswer.CertificateAnswer {
    init(
        _ certificate: Certificate, listener: String? = nil, pool: String? = nil, admin: String? = nil,
        names: [String], _ now: Int64
    ) {
        self.listener = listener
        self.pool = pool
        self.admin = admin
        self.names = names
        issuer = certificate.issuer
        notBefore = Date(timeIntervalSince1970: Double(certificate.notBefore))
        notAfter = Date(timeIntervalSince1970: Double(certificate.notAfter))
        daysLeft = certificate.daysLeft(now: now)
        key = "\(certificate.keyKind) \(certificate.keyBits)"
        fingerprint = certificate.fingerprint.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
        file = certificate.file
        keyFile = certificate.keyFile
        ocsp = certificate.stapled.map { $0.until.map { $0 > now ? .shown : .expired } ?? .unusable }
        ocspFile = certificate.stapled?.file
        ocspUntil = certificate.stapled?.until.flatMap { until in
            until == .max ? nil : Date(timeIntervalSince1970: Double(until))
        }
        ocspFault = certificate.stapled?.fault
        self.now = now
        endsSoon = now >= certificate.warningTime
    }

    private var place: String {
        listener.map { "listener \($0)" } ?? pool.map { "pool \($0)" } ?? admin.map { "admin server \($0)" } ?? ""
    }

    /// For one that ends soon.
    var warning: String {
        let time = daysLeft < 0 ? "ended \(sinceItsEnd) ago" : "ends in \(daysLeft) day\(daysLeft == 1 ? "" : "s")"
        return
            "the certificate of \(place) for \(names.first ?? "no name") \(time), \(notAfter.formatted(.iso8601)): renew "
            + (file ?? "it")
    }

    /// In whole units, the largest of which there are two: "13 s" and "36 h" tell another night than "1 day" does.
    private var sinceItsEnd: String {
        let seconds = Int(max(0, Double(now) - notAfter.timeIntervalSince1970))
        return switch seconds {
        case ..<120: "\(seconds) s"
        case ..<7_200: "\(seconds / 60) min"
        case ..<172_800: "\(seconds / 3_600) h"
        default: "\(seconds / 86_400) days"
        }
    }

    var text: String {
        let shown = names.isEmpty ? "no names" : names.prefix(8).joined(separator: ", ")
        let more = names.count > 8 ? " and \(names.count - 8) more" : ""
        let left =
            switch daysLeft {
            case ..<0: "EXPIRED \(sinceItsEnd) ago"
            case 0: "ENDS TODAY"
            case 1: "1 day left"
            default: "\(daysLeft) days left"
            }
        return
            "\(place): \(shown)\(more)\n  \(left), until \(notAfter.formatted(.iso8601)); issued by \(issuer); \(key)\n"
            + "  \(file ?? "(text)"), SHA-256 \(fingerprint.prefix(16))...\n" + stapling
    }

    private var stapling: String {
        guard let ocsp, let ocspFile else { return "" }
        let until = ocspUntil.map { " until \($0.formatted(.iso8601))" } ?? ""
        let words =
            switch ocsp {
            case .shown: "OCSP response\(until)"
            case .expired: "OCSP response NOT SHOWN, it held\(until)"
            case .unusable: ocspFault == nil ? "OCSP response NOT SHOWN, it is not usable" : "OCSP response NOT SHOWN"
            }
        return "  \(words): \(ocspFile)\(ocspFault.map { ": \($0)" } ?? "")\n"
    }
}

extension Certificate {
    /// Whole days until it ends; negative when it has.
    func daysLeft(now: Int64) -> Int {
        Int(((notAfter - now) >= 0 ? notAfter - now : notAfter - now - 86_399) / 86_400)
    }
}
