import ApusAddresses
public import ApusModel
import ApusTLS

/// How the admin server proves who it is, and what is shown to it.
public struct AdminTLS: Sendable {
    private var rules = PoolTLS()
    /// SHA-256 of the one certificate that is believed; nil where authorities are.
    private var pin: [UInt8]?

    /// Believes these authorities: the certificate must be for the name or the address that is asked.
    ///
    /// - Parameter certificate: what is shown to a server that asks for one.
    public init(trusting authorities: Authorities, showing certificate: Certificate? = nil) {
        rules.offersProtocols = true
        rules.authorities = authorities
        rules.certificate = certificate
    }

    /// Believes the very certificate that the server's configuration has, whoever has signed it and whatever it says, and no other:
    /// this machine may reach the server by another name, and reload it when it has expired.
    public init(only expected: Certificate, showing certificate: Certificate? = nil) {
        self.init(onlyWith: expected.fingerprint, showing: certificate)
    }

    /// The same of the first certificate of a text in PEM, whose key need not be known.
    ///
    /// - Returns: nil where there is none.
    public init?(onlyFirstOf chain: [UInt8], showing certificate: Certificate? = nil) {
        guard let fingerprint = TLSCertificate.fingerprint(ofFirstIn: chain) else { return nil }
        self.init(onlyWith: fingerprint, showing: certificate)
    }

    private init(onlyWith fingerprint: [UInt8], showing certificate: Certificate?) {
        rules.offersProtocols = true
        rules.certificate = certificate
        pin = fingerprint
    }

    /// The file of the certificate that is shown; nil for none.
    var shownFile: String? { rules.certificate?.file }

    func layer(to address: AdminAddress) throws -> AdminTLSLayer? {
        guard case .host(let host, _) = address.place else { return nil }
        // No session is resumed: where it is does not matter.
        let place = SocketAddress(ip: .anyIPv6, port: 0)
        return AdminTLSLayer(try TLSConversation(rules, to: host, at: place), only: pin)
    }
}

/// Files that the command line names.
extension AdminTLS {
    /// - Parameter file: in PEM.
    public static func authorities(_ text: [UInt8], file: String) throws(UnusableFile) -> Authorities {
        do throws(TLSCertificateError) {
            return try TrustStore(authorities: text).described(file: file, isSystems: false)
        } catch {
            throw UnusableFile(error, certificate: file, key: file)
        }
    }

    /// - Parameters:
    ///   - file: where the certificate was read from.
    ///   - keyFile: where its key was.
    public static func certificate(
        _ chain: [UInt8], key: [UInt8], file: String, keyFile: String
    ) throws(UnusableFile) -> Certificate {
        do throws(TLSCertificateError) {
            return try TLSCertificate(chain: chain, key: key).described(file: file, keyFile: keyFile)
        } catch {
            throw UnusableFile(error, certificate: file, key: keyFile)
        }
    }

    /// Why a file that the command line names is of no use.
    public struct UnusableFile: Error, CustomStringConvertible {
        public let description: String

        fileprivate init(_ error: TLSCertificateError, certificate: String, key: String) {
            let isNamed = key != certificate
            description =
                switch error {
                case .noMemory: "there is no memory for \(certificate)"
                case .noCertificate, .noRevocationList, .badRevocationList:
                    "there is no certificate in \(certificate): expected PEM, which begins with `-----BEGIN CERTIFICATE-----`"
                case .chainTooLong(let count):
                    "the certificate in \(certificate) has \(count) bytes with what stands behind it, which no handshake takes"
                case .badCertificate(let reason), .unusable(let reason):
                    "the certificate in \(certificate) cannot be used (\(reason)); is it cut off, or edited?"
                case .noKey where isNamed:
                    "there is no private key in \(key): expected PEM, which begins with `-----BEGIN PRIVATE KEY-----`"
                case .noKey: "there is no private key in \(key) beside the certificate; name its file with --admin-key"
                case .keyIsEncrypted:
                    "the private key in \(key) is encrypted; write it without a password: `openssl pkey -in \(key) -out NEW`"
                case .badKey(let reason):
                    "the private key in \(key) cannot be read (\(reason)); is it cut off, or edited?"
                case .keyOfUnknownKind:
                    "the private key in \(key) is of no kind that is used here: ECDSA, RSA or Ed25519"
                case .keyDoesNotFit:
                    "the key in \(key) is not that of the certificate in \(certificate); name "
                        + (isNamed ? "the one that is" : "it") + " with --admin-key"
                }
        }
    }
}
