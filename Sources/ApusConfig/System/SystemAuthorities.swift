public import ApusModel
import ApusTLS
import FoundationEssentials
import Synchronization

/// The authorities that the system trusts: read once, and again when their file has changed.
public enum SystemAuthorities {
    /// Where systems have them: what the environment says (`SSL_CERT_FILE`), Debian, Fedora, Alpine, openSUSE.
    static var places: [String] {
        let usual = [
            "/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt", "/etc/ssl/cert.pem",
            "/etc/ssl/ca-bundle.pem",
        ]
        // Who names one means that alone.
        return Environment.value(of: "SSL_CERT_FILE").map { [$0] } ?? usual
    }

    private struct Known {
        var path: String
        var changed: Date
        var authorities: Authorities
    }

    private static let known = Mutex<Known?>(nil)

    /// Nil where there is no such file, or it cannot be read.
    public static func current() -> Authorities? {
        known.withLock { known in
            for path in places {
                guard let changed = time(of: path) else { continue }
                if let known, known.path == path, known.changed == changed { return known.authorities }
                guard let bytes = try? FileSystem.bytes(of: path, .certificates),
                    let store = try? TrustStore(authorities: bytes)
                else { continue }
                let authorities = store.described(file: path, isSystems: true)
                known = Known(path: path, changed: changed, authorities: authorities)
                return authorities
            }
            return nil
        }
    }

    /// When the file changed last; nil where there is none.
    private static func time(of path: String) -> Date? {
        // Where files are exchanged by exchanging a link, it is what the link leads to that counts.
        let target = FileSystem.realPath(of: path) ?? path
        return try? FileManager.default.attributesOfItem(atPath: target)[.modificationDate] as? Date
    }
}
