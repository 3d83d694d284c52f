import ApusConfig
import ApusModel
import FoundationEssentials

/// A revision, without its files: what `GET /v1/config/revisions` lists.
struct RevisionAnswer: Encodable {
    var number: Int
    var time: Date
    /// `start`, `signal`, `admin`, `watch`, `rollback` or `certificates`.
    var cause: String
    /// A digest of its files, as the header ETag has it.
    var etag: String
    var running: Bool
    var files: [String]

    init(_ revision: Revision, running: Revision) {
        number = revision.number
        time = revision.time
        cause = revision.cause.rawValue
        etag = revision.eTag
        self.running = revision.number == running.number
        files = revision.files.map(\.path)
    }
}

struct RevisionsAnswer: Encodable {
    /// The latest first.
    var revisions: [RevisionAnswer]
}

/// A configuration file as it may be shown.
struct FileAnswer: Encodable {
    var path: String
    /// Secrets that are spelled out in it are `********`.
    var text: String

    init(_ file: ConfigurationFile) {
        path = file.path
        text = file.maskedText
    }
}

/// A revision with its files: the answer to `GET /v1/config/revisions/{number}`.
struct RevisionFilesAnswer: Encodable {
    var revision: RevisionAnswer
    var files: [FileAnswer]
}

/// The configuration that runs: the answer to `GET /v1/config`.
struct ConfigurationAnswer: Encodable {
    var revision: RevisionAnswer
    var files: [FileAnswer]
    var origins: OriginsAnswer
    /// What was changed of endpoints while running.
    var dynamicChanges: [DynamicChangeAnswer]

    /// Where things were written.
    struct OriginsAnswer: Encodable {
        var listeners: [OriginAnswer]
        var routes: [OriginAnswer]
        var pools: [OriginAnswer]
        var endpoints: [OriginAnswer]
    }

    struct OriginAnswer: Encodable {
        var name: String
        /// The listener of a route, the pool of an endpoint.
        var of: String?
        var file: String
        var line: Int
        var column: Int
    }

    struct DynamicChangeAnswer: Encodable {
        var pool: String
        var endpoint: String
        var added: Bool
        var removed: Bool
        var drained: Bool
        var weight: Int?
        /// Whether it outlives the process.
        var persistent: Bool
    }

    init(_ running: RunningConfiguration.State, isStored: Bool) {
        revision = RevisionAnswer(running.revision, running: running.revision)
        files = running.revision.files.map(FileAnswer.init)
        origins = OriginsAnswer(running.loaded)
        dynamicChanges = running.dynamic.entries.map { entry in
            DynamicChangeAnswer(
                pool: entry.pool, endpoint: "\(entry.address)", added: entry.added != nil, removed: entry.isRemoved,
                drained: entry.isDrained, weight: entry.weight?.weight ?? entry.added?.weight,
                persistent: isStored && entry.isKept)
        }
    }
}

extension ConfigurationAnswer.OriginsAnswer {
    init(_ loaded: LoadedConfiguration) {
        let snapshot = loaded.snapshot
        let origins = loaded.origins
        func answers(_ places: [Origins.Place], _ name: (Int) -> (name: String, of: String?)) -> [ConfigurationAnswer
            .OriginAnswer]
        {
            places.enumerated().map { index, place in
                let name = name(index)
                return ConfigurationAnswer.OriginAnswer(
                    name: name.name, of: name.of, file: place.file, line: place.position.line,
                    column: place.position.column)
            }
        }
        var listenerOfRoute = [String?](repeating: nil, count: snapshot.routes.count)
        for listener in snapshot.listeners {
            for route in listener.routes { listenerOfRoute[route] = listener.name }
        }
        listeners = answers(origins.listeners) { (snapshot.listeners[$0].name, nil) }
        routes = answers(origins.routes) { (snapshot.routes[$0].name, listenerOfRoute[$0]) }
        pools = answers(origins.pools) { (snapshot.pools[$0].name, nil) }
        endpoints = answers(origins.endpoints) {
            (snapshot.endpoints[$0].name, snapshot.pools[snapshot.endpoints[$0].pool].name)
        }
    }
}

/// What came of a configuration that was not refused.
struct AdoptionAnswer: Encodable {
    /// `adopted`, `unchanged` or `dry_run`.
    var effect: String
    var revision: RevisionAnswer
    /// What changes, in one line, and in a line each.
    var summary: String
    var changes: [String]
    /// The first of them; how many more there are is among the notes.
    var warnings: [DiagnosticAnswer]
    /// What could not be done as it was asked.
    var notes: [String]

    init(_ adoption: Adoption) {
        effect = adoption.effect.rawValue
        revision = RevisionAnswer(adoption.revision, running: adoption.revision)
        revision.running = adoption.effect != .dryRun
        summary = adoption.summary
        changes = adoption.changes
        let excerpt = DiagnosticExcerpt(adoption.warnings)
        warnings = excerpt.shown.map(DiagnosticAnswer.init)
        notes = adoption.notes + [excerpt.omission].compactMap(\.self)
    }
}

/// What would change if a configuration took over from the one that runs.
struct ComparisonAnswer: Encodable {
    /// The one that runs.
    var revision: RevisionAnswer
    /// In one line, and in a piece each.
    var summary: String
    var changes: [ConfigurationChange]
    var warnings: [DiagnosticAnswer]
    /// What was changed while running, and would be dropped.
    var notes: [String]

    init(_ comparison: ConfigurationComparison) {
        revision = RevisionAnswer(comparison.revision, running: comparison.revision)
        summary = comparison.changes.summary
        changes = comparison.changes.changes
        let excerpt = DiagnosticExcerpt(comparison.warnings)
        warnings = excerpt.shown.map(DiagnosticAnswer.init)
        notes = comparison.notes + [excerpt.omission].compactMap(\.self)
    }
}

/// What came of a change of an endpoint.
struct EndpointChangeAnswer: Encodable {
    /// Absent when it is gone.
    var endpoint: EndpointAnswer?
    /// What could not be done as it was asked.
    var notes: [String]
}

struct UpgradeAnswer: Encodable {
    /// What is happening, in words.
    var message: String
}
