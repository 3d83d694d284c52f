import FoundationEssentials

/// What came of a reload or a rollback, as far as it is shown to people.
public struct AdoptionReport: Decodable, Sendable, Equatable {
    public struct Revision: Decodable, Sendable, Equatable {
        public var number: Int
    }

    public struct Diagnostic: Decodable, Sendable, Equatable {
        /// Several lines, as `apus check` prints it.
        public var rendered: String
    }

    /// `adopted`, `unchanged` or `dry_run`.
    public var effect: String
    public var revision: Revision
    public var summary: String
    public var changes: [String]
    public var warnings: [Diagnostic]
    public var notes: [String]

    /// Reads an answer. Members that this version does not know are left out.
    public init(json: String) throws {
        self = try JSONDecoder().decode(AdoptionReport.self, from: Data(json.utf8))
    }

    /// Lines for people, without the warnings.
    public var text: String {
        let first =
            switch effect {
            case "dry_run": "It would run. \(summary)"
            case "unchanged": "Revision \(revision.number) runs already; nothing has changed."
            default: "Revision \(revision.number) runs. \(summary)"
            }
        let lines = [first] + changes.map { "  \($0)" } + notes.map { "note: \($0)" }
        return lines.joined(separator: "\n") + "\n"
    }
}

/// What came of a change of an endpoint.
public struct EndpointReport: Decodable, Sendable, Equatable {
    public struct Endpoint: Decodable, Sendable, Equatable {
        public var pool: String
        public var name: String
        public var words: String
        public var weight: Int
        public var inFlight: Double
    }

    public var endpoint: Endpoint?
    public var notes: [String]

    /// Reads an answer. Members that this version does not know are left out.
    public init(json: String) throws {
        self = try JSONDecoder().decode(EndpointReport.self, from: Data(json.utf8))
    }

    /// Lines for people.
    public var text: String {
        let first = endpoint.map {
            "\($0.pool): \($0.name)  weight \($0.weight)  in flight \(Figures.count($0.inFlight))  \($0.words)"
        }
        return ([first].compactMap(\.self) + notes.map { "note: \($0)" }).joined(separator: "\n") + "\n"
    }
}

/// What came of an upgrade.
public struct UpgradeReport: Decodable, Sendable, Equatable {
    public var message: String

    public init(json: String) throws {
        self = try JSONDecoder().decode(UpgradeReport.self, from: Data(json.utf8))
    }
}
