import ApusHTTP
import HTTPTypes
import Hummingbird
import NIOCore

/// Reads what a caller sent, and says where it is not as it should be.
struct RequestBodyReader {
    /// Configurations may be long; everything else is short.
    static let longestConfiguration = 32 << 20
    static let longestObject = 64 << 10

    /// The whole body, as text. Nothing of it is read before this is called, and not more than the limit after it.
    static func text(of request: Request, _ context: AdminContext, atMost limit: Int) async throws -> String {
        let buffer = try await bytes(of: request, context, atMost: limit)
        guard let text = String(validating: buffer.readableBytesView, as: UTF8.self) else {
            throw AdminProblem.badRequest("The body is not UTF-8 text.")
        }
        return text
    }

    /// Reads to the end what a caller sent to an operation that takes nothing: nothing is changed for a request that has
    /// not come whole.
    static func end(of request: Request, _ context: AdminContext) async throws {
        _ = try await bytes(of: request, context, atMost: longestObject)
    }

    private static func bytes(
        of request: Request, _ context: AdminContext, atMost limit: Int
    ) async throws -> ByteBuffer {
        var buffer = ByteBuffer()
        let declared = request.headers[.contentLength].flatMap { Int($0) }
        if let declared {
            guard declared <= limit else { throw AdminProblem.tooLarge(limit) }
            try take(declared, context)
            buffer.reserveCapacity(declared)
        }
        context.wantBody()
        do {
            for try await var piece in request.body {
                guard buffer.readableBytes + piece.readableBytes <= limit else { throw AdminProblem.tooLarge(limit) }
                if declared == nil { try take(piece.readableBytes, context) }
                buffer.writeBuffer(&piece)
            }
        } catch let error as AdminConnectionHandler.BodyError {
            switch error {
            case .cut: throw AdminProblem.cutBody
            case .timedOut: throw AdminProblem(Reason.requestBodyTimeout)
            case .malformed(let reason): throw AdminProblem(reason)
            }
        }
        return buffer
    }

    private static func take(_ count: Int, _ context: AdminContext) throws {
        guard context.requestMemory?.take(count) != false else { throw AdminProblem.noMemory }
    }

    /// The body as an object; an empty body is an empty one.
    static func object(
        of request: Request, _ context: AdminContext, keys: [String], example: String, atMost limit: Int = longestObject
    ) async throws -> ObjectReader {
        let text = try await text(of: request, context, atMost: limit)
        guard !text.allSatisfy(\.isWhitespace) else {
            return try ObjectReader([:], keys: keys, "The body", example: example)
        }
        let value: JSONValue
        do throws(JSONReader.Mistake) {
            value = try JSONReader.value(of: text)
        } catch {
            throw AdminProblem.badRequest("The body is not JSON: \(error). Expected such as `\(example)`.")
        }
        guard case .object(let members) = value else {
            throw AdminProblem.badRequest("The body is \(value.kind); expected an object such as `\(example)`.")
        }
        return try ObjectReader(members, keys: keys, "The body", example: example)
    }
}

/// The members of an object that a caller sent.
struct ObjectReader {
    let members: [String: JSONValue]
    let example: String

    fileprivate init(
        _ members: [String: JSONValue], keys: [String], _ what: String, example: String
    ) throws {
        if let unknown = members.keys.sorted().first(where: { !keys.contains($0) }) {
            throw AdminProblem.badRequest(
                "\(what) has the key `\(unknown)`; expected only \(keys.map { "`\($0)`" }.joined(separator: ", ")), such "
                    + "as `\(example)`.")
        }
        self.members = members
        self.example = example
    }

    func has(_ key: String) -> Bool { members[key] != nil }

    /// Nil when it was left out.
    func text(_ key: String) throws -> String? {
        switch members[key] {
        case nil: nil
        case .text(let text)?: text
        case let other?: throw wrong(key, other, "a text")
        }
    }

    func flag(_ key: String) throws -> Bool? {
        switch members[key] {
        case nil: nil
        case .flag(let flag)?: flag
        case let other?: throw wrong(key, other, "true or false")
        }
    }

    func integer(_ key: String, in bounds: ClosedRange<Int>) throws -> Int? {
        switch members[key] {
        case nil: return nil
        case .integer(let number)? where bounds.contains(number): return number
        case let other?:
            throw wrong(key, other, "a whole number from \(bounds.lowerBound) to \(bounds.upperBound)")
        }
    }

    /// A list of objects; empty when it was left out.
    func objects(_ key: String, keys: [String]) throws -> [ObjectReader] {
        guard let value = members[key] else { return [] }
        guard case .list(let items) = value else { throw wrong(key, value, "a list") }
        return try items.map { item in
            guard case .object(let members) = item else { throw wrong(key, item, "a list of objects") }
            return try ObjectReader(members, keys: keys, "`\(key)`", example: example)
        }
    }

    private func wrong(_ key: String, _ found: JSONValue, _ expected: String) -> AdminProblem {
        .badRequest("`\(key)` is \(found.kind); expected \(expected), such as in `\(example)`.")
    }
}
