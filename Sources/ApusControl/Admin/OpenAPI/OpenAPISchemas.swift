import ApusModel

/// The schemas of what the admin server takes and gives (JSON Schema 2020-12). What is not named there is not sent.
enum OpenAPISchemas {
    static let all: [String: JSONValue] = reading.merging(configuration) { first, _ in first }
        .merging(requests) { first, _ in first }

    // MARK: - The words of the schemas

    private static let text: JSONValue = ["type": "string"]
    private static let flag: JSONValue = ["type": "boolean"]
    private static let count: JSONValue = ["type": "integer", "minimum": 0]
    private static let seconds: JSONValue = ["type": "number", "minimum": 0]
    private static let time: JSONValue = ["type": "string", "format": "date-time"]
    private static let weight: JSONValue = [
        "type": "integer", "minimum": .integer(Bounds.weights.lowerBound),
        "maximum": .integer(Bounds.weights.upperBound),
    ]

    private static func list(_ items: JSONValue) -> JSONValue { ["type": "array", "items": items] }
    private static func list(of schema: String) -> JSONValue { list(OpenAPIDocument.reference(schema)) }
    private static func one(_ schema: String) -> JSONValue { OpenAPIDocument.reference(schema) }
    private static func word(_ words: String...) -> JSONValue {
        ["type": "string", "enum": .list(words.map { .text($0) })]
    }
    private static func described(_ schema: JSONValue, _ description: String) -> JSONValue {
        guard case .object(var members) = schema else { return schema }
        members["description"] = .text(description)
        return .object(members)
    }

    /// An object with these members and no others; those whose names end in `?` may be absent.
    private static func object(_ members: KeyValuePairs<String, JSONValue>) -> JSONValue {
        var properties: [String: JSONValue] = [:]
        var required: [JSONValue] = []
        for (name, schema) in members {
            let isOptional = name.hasSuffix("?")
            let plain = isOptional ? String(name.dropLast()) : name
            properties[plain] = schema
            if !isOptional { required.append(.text(plain)) }
        }
        return [
            "type": "object", "properties": .object(properties), "required": .list(required),
            "additionalProperties": false,
        ]
    }

    private static let classes = object([
        "none": count, "1xx": count, "2xx": count, "3xx": count, "4xx": count, "5xx": count,
    ])

    private static let causes = word("start", "signal", "admin", "watch", "rollback", "certificates")

    /// Counts by any name.
    private static let counts: JSONValue = ["type": "object", "additionalProperties": count]

    private static let endpointCounts = object([
        "healthy": count, "unknown": described(count, "Not probed yet; requests are sent."), "unhealthy": count,
        "ejected": count, "draining": described(count, "Their weight is 0."),
    ])

    // MARK: - What is read

    private static let reading: [String: JSONValue] = [
        "Status": object([
            "version": text, "swift": text,
            "process": object([
                "id": count, "residentBytes?": count, "cpuSeconds?": seconds, "openDescriptors?": count,
            ]),
            "node": text, "zone?": text, "phase": word("starting", "serving", "leaving", "draining"), "ready": flag,
            "notReadyBecause?": text,
            "poolsWithNobody": described(list(text), "Pools without an endpoint that may be picked, or a fallback."),
            "unresolvedNames": described(list(text), "Host names of endpoints whose latest lookup found no address."),
            "keptNames": described(
                list(object(["name": text, "addresses": list(text), "found": time])),
                "Those of them that stand for what was found before this process, and when that was."),
            "endingCertificates": described(
                list(text),
                "What is to be known of certificates that soon end, or have, and of renewed ones that are not "
                    + "taken."),
            "revocationWarnings": described(
                list(text),
                "The same of lists of revoked certificates and of OCSP responses that soon are out of date, or are, or cannot "
                    + "be used."),
            "unkeptState?": described(
                text, "What could not be written into the state directory, in words; absent while all is there."),
            "refusedFiles?": described(
                object(["time": time, "cause": causes, "reason": text, "stopsRestart": flag]),
                "The configuration's files as they were refused, until they are good again; and whether a restart would "
                    + "fail."),
            "ownEndpoints": described(
                list(object(["pool": text, "name": text, "address": text, "words": text])),
                "Endpoints that are Apus itself, and host names that are refused since they lead to the admin server."),
            "since": time, "uptimeSeconds": count, "revision": one("Revision"),
            "dynamicChanges": described(count, "Endpoints that were changed while running."),
            "requests": object([
                "total": count, "byClass": classes, "inFlight": described(count, "At endpoints now."),
                "queued": described(count, "Waiting for an endpoint now."),
            ]),
            "failures": object([
                "seconds": described(count, "How far back it looks: about 60, less in a younger process."),
                "byReason": described(
                    counts,
                    "Answers of 5xx by Apus, connections that it turned away, and responses that origins did not complete, "
                        + "by reason."),
                "byPool": described(counts, "Answers of 5xx by endpoints, by their pool."),
                "handshakes": described(counts, "TLS handshakes of clients that failed, by what they failed for."),
            ]),
            "accessLogTrouble?": described(
                object(["destination": text, "reason": text, "since": time, "droppedLines": count]),
                "Why the access log takes no lines, and how many were dropped since the process began."),
            "endpoints": object([
                "available": described(count, "Those that new requests may be sent to."), "total": count,
                "byState": endpointCounts,
            ]), "listeners": list(of: "Listener"),
            "workers": list(
                object(["worker": count, "busySeconds": seconds, "loopTurns": count, "bufferBytes": count])),
        ]),
        "Listeners": object(["listeners": list(of: "Listener")]),
        "Certificates": object([
            "certificates": list(of: "Certificate"), "revocationLists": list(of: "RevocationList"),
        ]),
        "RevocationList": object([
            "listener?": described(text, "The listener whose clients it is for."),
            "admin?": described(text, "The listener of the admin server whose callers it is for."),
            "issuer": described(text, "The authority whose certificates it is about."), "file": text,
            "thisUpdate": time, "nextUpdate?": described(time, "When there must be a newer one."),
            "state": described(
                word("current", "ending", "outdated"),
                "`ending` in its last third, or its last three days; `outdated`: nobody with a certificate of the authority is "
                    + "let in."),
        ]),
        "Certificate": object([
            "listener?": described(text, "The listener that shows it to clients."),
            "pool?": described(text, "The pool that shows it to its endpoints."),
            "admin?": described(text, "The listener of the admin server that shows it to callers."),
            "names": described(list(text), "The server names that it is shown for."), "issuer": text, "notBefore": time,
            "notAfter": time,
            "daysLeft": described(["type": "integer"], "Whole days until it ends; negative when it has."),
            "key": described(text, "The kind of its key, and its bits: `ECDSA 256`."),
            "fingerprint": described(text, "SHA-256, in hexadecimal digits."), "file?": text, "keyFile?": text,
            "ocsp?": described(
                word("shown", "expired", "unusable"), "What becomes of the authority's word that it is not revoked."),
            "ocspFile?": text, "ocspUntil?": time,
            "ocspFault?": described(text, "Why it is not usable, and what to do."),
        ]),
        "Listener": object([
            "name": text, "address": text, "routes": count, "openConnections": count, "acceptedConnections": count,
            "receivedBytes": count, "sentBytes": count,
        ]),
        "Routes": object([
            "routes": list(
                object([
                    "listener": text, "name": text,
                    "settings": described(
                        ["type": "object", "additionalProperties": text],
                        "What it asks for and does, in the words of the configuration."),
                    "pools": list(object(["pool": text, "weight": weight])), "requests": classes,
                ]))
        ]),
        "Pools": object(["pools": list(of: "Pool")]),
        "Pool": object([
            "name": text, "balance": text,
            "available": described(count, "Endpoints that new requests may be sent to: healthy or unknown ones."),
            "total": count, "byState": endpointCounts, "panicking": flag, "queued": count,
            "fallback?": text, "breaker?": one("Breaker"), "endpoints": list(of: "Endpoint"),
        ]),
        "Endpoints": object(["endpoints": list(of: "Endpoint")]),
        "Endpoint": object([
            "pool": text, "name": described(text, "As the configuration calls it."), "address": text,
            "state": word("healthy", "unhealthy", "ejected", "draining", "unknown", "removed"),
            "words": described(text, "The state with its reason, and how many requests are late."), "since": time,
            "available": described(flag, "Whether new requests may be sent there."),
            "weight": described(weight, "In force now; 0 while it is drained."),
            "configuredWeight?": described(weight, "Of the configuration, or of whoever added it."),
            "drained": described(flag, "Drained while running."),
            "added": described(flag, "Added while running, and not in the configuration."), "tier": count,
            "backup": described(flag, "Whether it is used only when no other endpoint is left."),
            "zone?": text, "inFlight": count,
            "late": described(count, "Those that have waited for a response for more than a second."),
            "slowStart?": described(
                object(["share": ["type": "number", "minimum": 0, "maximum": 1], "until": time]),
                "What it gets of its requests, having come back, and until when not all of them."),
            "breaker?": one("Breaker"),
        ]),
        "Breaker": object(["state": word("closed", "open", "half_open"), "words": text, "since?": time]),
        "Connections": object([
            "listeners": list(object(["listener": text, "open": count, "accepted": count, "closed": count])),
            "endpoints": list(
                object([
                    "pool": text, "endpoint": text, "open": count, "inUse": count, "idle": count, "opened": count,
                    "reused": count, "connectFailures": count,
                ])),
        ]),
    ]

    // MARK: - The configuration

    private static let configuration: [String: JSONValue] = [
        "Configuration": object([
            "revision": one("Revision"), "files": list(of: "File"),
            "origins": object([
                "listeners": list(of: "Origin"), "routes": list(of: "Origin"), "pools": list(of: "Origin"),
                "endpoints": list(of: "Origin"),
            ]),
            "dynamicChanges": list(
                object([
                    "pool": text, "endpoint": text, "added": flag, "removed": flag, "drained": flag,
                    "weight?": weight, "persistent": described(flag, "Whether it outlives the process."),
                ])),
        ]),
        "File": object(["path": text, "text": described(text, "Secrets that are spelled out are `********`.")]),
        "Origin": object([
            "name": text, "of?": described(text, "The listener of a route, the pool of an endpoint."), "file": text,
            "line": count, "column": count,
        ]),
        "Revision": object([
            "number": count, "time": time,
            "cause": causes,
            "etag": described(text, "A digest of the files."), "running": flag, "files": list(text),
        ]),
        "Revisions": object(["revisions": list(of: "Revision")]),
        "RevisionFiles": object(["revision": one("Revision"), "files": list(of: "File")]),
        "Adoption": object([
            "effect": word("adopted", "unchanged", "dry_run"), "revision": one("Revision"), "summary": text,
            "changes": list(text), "warnings": list(of: "Diagnostic"),
            "notes": described(list(text), "What could not be done as it was asked."),
        ]),
        "Comparison": object([
            "revision": described(one("Revision"), "What it was compared with."), "summary": text,
            "changes": list(
                object([
                    "kind": word("added", "removed", "changed", "moved"),
                    "subject": word("listener", "route", "pool", "endpoint", "setting"), "name": text,
                    "details": described(list(text), "What is different, in the configuration's words."),
                    "effect?": described(text, "What becomes of connections and requests."),
                    "needsUpgrade": described(flag, "Whether a reload leaves it as it is."),
                ])), "warnings": list(of: "Diagnostic"),
            "notes": described(list(text), "What was changed while running, and would be dropped."),
        ]),
        "Diagnostic": object([
            "file": text, "line": count, "column": count, "severity": word("error", "warning"), "message": text,
            "source": described(text, "The line itself."), "rendered": described(text, "All of it, for people."),
        ]),
        "EndpointChange": object(["endpoint?": one("Endpoint"), "notes": list(text)]),
        "Upgrade": object(["message": text]),
        "Problem": object([
            "type": text, "title": text, "status": count, "detail": text, "diagnostics?": list(of: "Diagnostic"),
            "available?": described(list(text), "What there is instead of what was asked for."),
        ]),
    ]

    // MARK: - What is sent

    private static let persist = described(
        flag, "Whether it outlives the process, where there is a state directory; yes if left out.")

    private static let requests: [String: JSONValue] = [
        "NewEndpoint": object([
            "address": described(text, "An IP address and a port."), "weight?": weight,
            "tier?": ["type": "integer", "minimum": 0, "maximum": 15], "backup?": flag, "zone?": text,
            "persist?": persist,
        ]),
        "EndpointAdjustment": object([
            "weight?": [
                "type": ["integer", "null"], "minimum": .integer(Bounds.weights.lowerBound),
                "maximum": .integer(Bounds.weights.upperBound),
                "description": "Null for what the configuration says.",
            ],
            "drain?": described(flag, "Whether it gets sticky sessions only."), "persist?": persist,
        ]),
        "ConfigurationFiles": object([
            "files": described(
                list(object(["path": text, "text": text])),
                "The main one first, then those that it includes. They are read as if they stood in place of the running "
                    + "ones: what lies beside the main one counts for what lies beside the running one.")
        ]),
        "RollbackRequest": object([
            "revision?": [
                "type": "integer", "minimum": 1, "description": "The one that ran before, if left out.",
            ]
        ]),
    ]
}
