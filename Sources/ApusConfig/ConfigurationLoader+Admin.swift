public import ApusModel

/// Where a configuration has its admin server, whatever else may be wrong with it: who asks a running Apus needs no more.
public struct AdminPlaces: Sendable {
    public struct Place: Sendable {
        public var admin: Admin
        /// Whether callers must say a token, also where that cannot be read.
        public var asksForToken: Bool
        /// The file of a certificate that cannot be used with its key, so that `admin.tls` has none.
        public var certificateFile: String?
    }

    public var places: [Place] = []
    /// What is wrong with them; where there are none, with the whole.
    public var errors: [Diagnostic] = []
}

extension ConfigurationLoader {
    /// Reads the admin section of a configuration and what belongs to it. Blocks as `load` does.
    public func adminPlaces(path: String) -> AdminPlaces {
        let text: String
        do throws(any Error) {
            text = try readFile(path, .configuration)
        } catch {
            return AdminPlaces(errors: [.unreadable(path, error)])
        }
        var findings = Findings()
        let document = ConfigurationDocument(text: text, file: path, self, &findings)
        guard let root = document.root, let section = RootSection(root, isComplete: document.isComplete, &findings)
        else {
            return AdminPlaces(errors: told(findings))
        }
        let before = Set(told(findings))
        var validation = Validation(section, self, findings: findings)
        let places = validation.adminPlaces()
        let all = told(validation.findings).filter { $0.severity == .error }
        return AdminPlaces(places: places, errors: places.isEmpty ? all : all.filter { !before.contains($0) })
    }
}

extension Validation {
    fileprivate mutating func adminPlaces() -> [AdminPlaces.Place] {
        zip(root.admin, adminListeners()).compactMap { section, admin in
            // One that speaks TLS, nobody knows how, is not to be asked in the clear.
            guard let admin, !section.isTLSWrong else { return nil }
            var place = AdminPlaces.Place(admin: admin, asksForToken: section.isTokenWritten)
            if admin.tls?.certificates.isEmpty == true, let written = section.tls?.common.pair.certificate,
                !CertificateSection.isText(written.value)
            {
                place.certificateFile = fullPath(written.value, at: written.position)
            }
            return place
        }
    }
}

extension Diagnostic {
    static func unreadable(_ path: String, _ error: any Error) -> Diagnostic {
        Diagnostic(
            file: path, position: .start, severity: .error,
            message: "the configuration cannot be read: \(error); name another with `-c FILE`", sourceLine: "")
    }
}
