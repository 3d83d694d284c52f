import ApusAddresses
import ApusConfig
import ApusModel
import FoundationEssentials
import HTTPTypes
import Hummingbird
import NIOCore

/// What changes something.
extension AdminAPI {
    // MARK: - Configuration

    func validate(_ request: Request, _ context: Context) async throws -> Response {
        try await request.whileItsSenderWaits { request in
            let text = try await RequestBodyReader.text(
                of: request, context, atMost: RequestBodyReader.longestConfiguration)
            return .json(AdoptionAnswer(try await configuration.apply(text: text, dryRun: true)))
        }
    }

    func diff(_ request: Request, _ context: Context) async throws -> Response {
        let example = #"{"files": [{"path": "apus.yaml", "text": "listeners: ..."}]}"#
        return try await request.whileItsSenderWaits { request in
            let body = try await RequestBodyReader.object(
                of: request, context, keys: ["files"], example: example,
                atMost: RequestBodyReader.longestConfiguration)
            let files = try body.objects("files", keys: ["path", "text"]).map { file in
                guard let path = try file.text("path"), let text = try file.text("text") else {
                    throw AdminProblem.badRequest(
                        "A file lacks its `path` or its `text`; expected such as `\(example)`.")
                }
                return ConfigurationFile(path: path, text: text)
            }
            guard !files.isEmpty else {
                throw AdminProblem.badRequest(
                    "There are no `files`; expected such as `\(example)`, the main one first.")
            }
            return .json(ComparisonAnswer(try await configuration.compare(with: files)))
        }
    }

    func apply(_ request: Request, _ context: Context) async throws -> Response {
        let text = try await RequestBodyReader.text(
            of: request, context, atMost: RequestBodyReader.longestConfiguration)
        let dryRun = try request.flag("dry_run")
        return .adoption(
            try await configuration.apply(text: text, expecting: request.expectedDigests, dryRun: dryRun),
            isDryRun: dryRun, context)
    }

    func reload(_ request: Request, _ context: Context) async throws -> Response {
        let dryRun = try request.flag("dry_run")
        return .adoption(try await configuration.reload(.admin, dryRun: dryRun), isDryRun: dryRun, context)
    }

    func rollback(_ request: Request, _ context: Context) async throws -> Response {
        let body = try await RequestBodyReader.object(
            of: request, context, keys: ["revision"], example: #"{"revision": 7}"#)
        let number = try body.integer("revision", in: 1...Int.max)
        let dryRun = try request.flag("dry_run")
        context.deed.asks(number.map { "to revision \($0)" } ?? "to the revision before")
        return .adoption(
            try await configuration.rollback(to: number, expecting: request.expectedDigests, dryRun: dryRun),
            isDryRun: dryRun, context)
    }

    // MARK: - Endpoints

    func addEndpoint(_ request: Request, _ context: Context) async throws -> Response {
        let pool = try context.parameter("pool")
        let example = #"{"address": "10.0.0.7:8080", "weight": 1}"#
        let body = try await RequestBodyReader.object(
            of: request, context, keys: ["address", "weight", "tier", "backup", "zone", "persist"], example: example)
        guard let text = try body.text("address") else {
            throw AdminProblem.badRequest("`address` is missing; expected such as `\(example)`.")
        }
        guard let address = SocketAddress(text), address.port != 0 else {
            throw AdminProblem.badRequest(
                "`address` is \"\(text.prefix(80))\"; expected an IP address and a port, such as `10.0.0.7:8080` or "
                    + "`[2001:db8::7]:8080`. Host names belong into the configuration, where they are looked up at each "
                    + "reload.")
        }
        let endpoint = DynamicChange.NewEndpoint(
            address: address, weight: try body.integer("weight", in: Bounds.weights) ?? 1,
            tier: try body.integer("tier", in: 0...15) ?? 0, isBackup: try body.flag("backup") ?? false,
            zone: try body.text("zone"))
        // As the file.
        guard !endpoint.isBackup || endpoint.tier == 0 else {
            throw AdminProblem.badRequest(
                "`backup` comes after every tier, and has none; keep `backup: true` or `tier`.")
        }
        context.deed.asks("\(address), weight \(endpoint.weight)")
        let notes = try await configuration.change(
            .add(pool: pool, endpoint), persistent: body.flag("persist") ?? true)
        context.deed.took("added")
        var response = Response.json(await answer("\(address)", of: pool, notes), status: .created)
        response.headers[.location] = "/v1/pools/\(pool.percentEncoded)/endpoints/\("\(address)".percentEncoded)"
        return response
    }

    func adjustEndpoint(_ request: Request, _ context: Context) async throws -> Response {
        let (pool, name) = (try context.parameter("pool"), try context.parameter("address"))
        let example = #"{"weight": 3}"#
        let body = try await RequestBodyReader.object(
            of: request, context, keys: ["weight", "drain", "persist"], example: example)
        guard body.has("weight") || body.has("drain") else {
            throw AdminProblem.badRequest(
                "There is nothing to change in it; expected `weight`, a number or null for what the configuration says, or "
                    + "`drain`, true or false, such as `\(example)`.")
        }
        let weight: DynamicChange.Weight? =
            if body.members["weight"] == .null {
                .asConfigured
            } else {
                try body.integer("weight", in: Bounds.weights).map { .number($0) }
            }
        let isDrained = try body.flag("drain")
        context.deed.asks(Self.words(weight, isDrained))
        let notes = try await configuration.change(
            .adjust(pool: pool, endpoint: name, weight: weight, isDrained: isDrained),
            persistent: body.flag("persist") ?? true)
        context.deed.took("done")
        return .json(await answer(name, of: pool, notes))
    }

    /// The answer after a change to an endpoint. If the endpoint cannot be read any more, the change still holds, and a note
    /// says so.
    private func answer(_ name: String, of pool: String, _ notes: [String]) async -> EndpointChangeAnswer {
        do {
            return EndpointChangeAnswer(endpoint: try await endpoint(name, of: pool), notes: notes)
        } catch {
            let why = (error as? AdminProblem)?.title ?? "the request was given up"
            return EndpointChangeAnswer(
                endpoint: nil, notes: notes + ["It is done, but the endpoint cannot be shown now: \(why)."])
        }
    }

    /// `weight 5, drain`.
    private static func words(_ weight: DynamicChange.Weight?, _ isDrained: Bool?) -> String {
        var parts: [String] = []
        switch weight {
        case nil: break
        case .asConfigured?: parts.append("weight as configured")
        case .number(let number)?: parts.append("weight \(number)")
        }
        if let isDrained { parts.append(isDrained ? "drain" : "undrain") }
        return parts.joined(separator: ", ")
    }

    func removeEndpoint(_ request: Request, _ context: Context) async throws -> Response {
        let (pool, name) = (try context.parameter("pool"), try context.parameter("address"))
        let notes = try await configuration.change(
            .remove(pool: pool, endpoint: name), persistent: request.flag("persist", absent: true))
        context.deed.took("removed")
        return .json(EndpointChangeAnswer(endpoint: nil, notes: notes))
    }

    // MARK: - Upgrade

    func upgradeProcess(_ request: Request, _ context: Context) async throws -> Response {
        guard let upgrade else { throw AdminProblem.noUpgrade }
        do {
            let message = try await upgrade()
            context.deed.took(message)
            return .json(UpgradeAnswer(message: message))
        } catch {
            throw AdminProblem(
                status: .conflict, kind: "upgrade-failed", title: "The upgrade did not take place",
                detail: "\(error). This process goes on as before.")
        }
    }
}

extension Request {
    /// Answers what changes nothing, and stops when the connection has gone: nobody reads the answer then.
    ///
    /// A client that only sends no more still has its answer. Over TCP one that has closed looks the same until something
    /// is sent to it: the time that reading files may take bounds what is done for it.
    func whileItsSenderWaits(
        _ answer: @escaping @Sendable (Request) async throws -> Response
    ) async throws -> Response {
        let (head, original) = (head, body)
        var response = try await original.consumeWithCancellationOnInboundClose { body in
            try await answer(Request(head: head, body: body))
        }
        // Having looked for the connection's end, the server takes no other request on it.
        response.headers[.connection] = "close"
        return response
    }

    /// Whether a query parameter is there, and not `false`.
    func flag(_ name: String, absent: Bool = false) throws -> Bool {
        guard let value = uri.queryParameters[Substring(name)] else { return absent }
        switch value {
        case "", "true", "1": return true
        case "false", "0": return false
        default:
            throw AdminProblem.badRequest("`\(name)` is `\(value)`; expected `true` or `false`, or the name alone.")
        }
    }

    /// The digests of If-Match (RFC 9110 section 13.1.1); nil when any revision will do.
    var expectedDigests: [String]? {
        guard let value = headers[.ifMatch] else { return nil }
        let tags = value.split(separator: ",").map { $0.filter { $0 != " " && $0 != "\t" } }
        if tags.contains("*") { return nil }
        // A weak tag never matches here (RFC 9110 section 8.8.3.2).
        return tags.filter { $0.hasPrefix("\"") && $0.hasSuffix("\"") && $0.count > 2 }
            .map { String($0.dropFirst().dropLast()) }
    }
}

extension AdminContext {
    /// A part of the path, its escapes resolved.
    func parameter(_ name: String) throws -> String {
        guard let raw = parameters.get(name), let text = raw.percentDecoded else {
            throw AdminProblem.badRequest("The path has an escape that is none.")
        }
        return text
    }
}

extension Response {
    static func text(
        _ text: String, status: HTTPResponse.Status = .ok, type: String = "text/plain; charset=utf-8"
    ) -> Response {
        Response(
            status: status, headers: [.contentType: type, .cacheControl: "no-store"],
            body: ResponseBody(byteBuffer: ByteBuffer(string: text)))
    }

    static func json(_ value: some Encodable, status: HTTPResponse.Status = .ok) -> Response {
        text(value.jsonText, status: status, type: "application/json")
    }

    /// With the ETag of what runs from now on.
    static func adoption(_ adoption: Adoption, isDryRun: Bool, _ context: AdminContext) -> Response {
        var response = json(AdoptionAnswer(adoption))
        if adoption.effect != .dryRun { response.headers[.eTag] = adoption.revision.eTag }
        if !isDryRun {
            context.deed.took("revision \(adoption.revision.number) runs, \(adoption.summary)")
        }
        return response
    }
}

extension String {
    /// Its escapes resolved (RFC 3986 section 2.1); nil when there is a `%` that is none, or it is not UTF-8 then.
    fileprivate var percentDecoded: String? {
        guard utf8.contains(UInt8(ascii: "%")) else { return self }
        var bytes: [UInt8] = []
        var rest = Array(utf8)[...]
        while let byte = rest.popFirst() {
            guard byte == UInt8(ascii: "%") else {
                bytes.append(byte)
                continue
            }
            let digits = rest.prefix(2)
            guard digits.count == 2, let value = UInt8(String(decoding: digits, as: UTF8.self), radix: 16) else {
                return nil
            }
            bytes.append(value)
            rest = rest.dropFirst(2)
        }
        return String(validating: bytes, as: UTF8.self)
    }

    /// As one segment of a path (RFC 3986 section 3.3).
    fileprivate var percentEncoded: String {
        let plain = Set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~:@".utf8)
        let digits = Array("0123456789ABCDEF".unicodeScalars)
        var text = String.UnicodeScalarView()
        for byte in utf8 {
            if plain.contains(byte) {
                text.append(UnicodeScalar(byte))
            } else {
                text.append("%")
                text.append(digits[Int(byte >> 4)])
                text.append(digits[Int(byte & 15)])
            }
        }
        return String(text)
    }
}
