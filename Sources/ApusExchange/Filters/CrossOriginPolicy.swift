public import ApusHTTP
public import ApusModel
public import ApusRouting

/// What a route's `cors` says of a request and its response (https://fetch.spec.whatwg.org/#http-cors-protocol), laid out
/// for the request path: the worker, `apus explain` and `apus test` all ask it.
public struct CrossOriginPolicy: Sendable {
    public let origins: [OriginPattern]
    /// Every origin is allowed, and told so by `*`.
    public let isOpen: Bool
    /// A preflight is allowed the headers that it asks for.
    let allowsAskedHeaders: Bool
    /// The lines that follow Access-Control-Allow-Origin: in the answer to a preflight, and in other responses.
    let preflightLines: [UInt8]
    let responseLines: [UInt8]

    public init(_ rules: CrossOriginRules) {
        origins = rules.origins
        isOpen = rules.allowsEveryOrigin
        allowsAskedHeaders = rules.headers == .asked
        let credentials =
            rules.allowsCredentials && !rules.allowsEveryOrigin ? ["Access-Control-Allow-Credentials: true"] : []
        var preflight = credentials
        preflight += Self.line("Allow-Methods", rules.methods)
        if case .these(let names) = rules.headers { preflight += Self.line("Allow-Headers", names) }
        if let age = rules.maxAge { preflight.append("Access-Control-Max-Age: \(age.components.seconds)") }
        preflightLines = Self.bytes(preflight)
        responseLines = Self.bytes(credentials + Self.line("Expose-Headers", rules.exposed))
    }

    private static func line(_ name: String, _ values: [String]) -> [String] {
        values.isEmpty ? [] : ["Access-Control-\(name): " + values.joined(separator: ", ")]
    }

    private static func bytes(_ lines: [String]) -> [UInt8] { lines.flatMap { Array("\($0)\r\n".utf8) } }

    /// Bytes of requested headers that a preflight is allowed by their own names; of one with more, none is allowed.
    public static var askedHeadersLimit: Int { 4_096 }
}

/// What is said of one request.
public struct CrossOriginAnswer: Sendable, Equatable {
    /// A browser asks whether a page may send a request: Apus answers.
    public internal(set) var isPreflight = false
    /// The request names its origin, once or more often.
    public internal(set) var hasOrigin = false
    /// What allows its origin, as an index into `CrossOriginPolicy.origins`; nil where nothing does.
    public internal(set) var entry: Int?
    /// Where the origin stands in the request's head.
    public internal(set) var origin = 0..<0

    public var isAllowed: Bool { entry != nil }
}

extension CrossOriginPolicy {
    /// What is said of the request in hand.
    ///
    /// A request with several origins is allowed as little as one with an origin that is not listed: which of them is
    /// meant, others may read otherwise.
    ///
    /// - Parameter bytes: those of the head in hand.
    public func answer<Place>(to hand: inout HeadInHand<Place>, _ bytes: Span<UInt8>) -> CrossOriginAnswer {
        var answer = CrossOriginAnswer()
        var count = 0
        for index in 0..<hand.fields.count {
            let line = hand.fields[index]
            guard !line.isHidden, bytes.equalsIgnoringCase(line.name, "origin") else { continue }
            answer.origin = line.value
            count += 1
        }
        answer.hasOrigin = count > 0
        answer.isPreflight = count > 0 && hand.head.method == .options && Self.asksForMethod(hand.fields, bytes)
        guard count == 1 else { return answer }
        let origin = bytes.extracting(answer.origin)
        let form = SerializedOrigin(origin)
        for index in origins.indices where origins[index].matches(origin, form) {
            answer.entry = index
            break
        }
        return answer
    }

    private static func asksForMethod(_ fields: borrowing FieldTable, _ bytes: Span<UInt8>) -> Bool {
        for index in 0..<fields.count where !fields[index].isHidden {
            if bytes.equalsIgnoringCase(fields[index].name, "access-control-request-method") { return true }
        }
        return false
    }

    // MARK: Writing

    /// Writes the lines that go with every response to the request, an origin server's or Apus's own, without `varyLine`.
    /// A request whose origin is not allowed gets none.
    public func write<Desk: PlanDesk & ~Copyable>(
        _ answer: CrossOriginAnswer, to desk: inout Desk, from place: Desk.Place
    ) {
        guard answer.isAllowed else { return }
        writeOrigin(answer, to: &desk, from: place)
        desk.append(responseLines.span)
    }

    /// The responses of the route differ by what this names, allowed or not: a cache must not take one for the other.
    public static var varyLine: StaticString { "Vary: Origin\r\n" }

    /// Writes the lines of the answer to a preflight.
    public func writePreflight<Desk: PlanDesk & ~Copyable>(
        _ answer: CrossOriginAnswer, to desk: inout Desk, of hand: inout HeadInHand<Desk.Place>
    ) {
        if answer.isAllowed {
            writeOrigin(answer, to: &desk, from: hand.place)
            desk.append(preflightLines.span)
            if allowsAskedHeaders { writeAskedHeaders(to: &desk, of: &hand) }
        }
        desk.append("Vary: Origin, Access-Control-Request-Method, Access-Control-Request-Headers\r\n")
    }

    private func writeOrigin<Desk: PlanDesk & ~Copyable>(
        _ answer: CrossOriginAnswer, to desk: inout Desk, from place: Desk.Place
    ) {
        desk.append("Access-Control-Allow-Origin: ")
        if isOpen { desk.append("*") } else { desk.append(from: place, answer.origin) }
        desk.append("\r\n")
    }

    /// Allows the headers that are asked for, each by its name. Where one of them is not a name, or they are too many,
    /// nothing is allowed: a part of them would not help the page.
    private func writeAskedHeaders<Desk: PlanDesk & ~Copyable>(
        to desk: inout Desk, of hand: inout HeadInHand<Desk.Place>
    ) {
        let start = desk.writtenCount
        var room = Self.askedHeadersLimit
        var isFirst = true
        for index in 0..<hand.fields.count {
            let line = hand.fields[index]
            let isIt = desk.bytes(of: hand.place).equalsIgnoringCase(line.name, "access-control-request-headers")
            guard isIt, !line.isHidden else { continue }
            var rest = line.value
            while let name = desk.bytes(of: hand.place).nextName(&rest) {
                room -= name.count + 2
                guard room >= 0, desk.bytes(of: hand.place).isToken(name) else {
                    return desk.removeLast(desk.writtenCount - start)
                }
                desk.append(isFirst ? "Access-Control-Allow-Headers: " : ", ")
                desk.append(from: hand.place, name)
                isFirst = false
            }
        }
        if !isFirst { desk.append("\r\n") }
    }
}

extension RequestRules {
    /// What a route says to pages of other origins; nil for a route that says nothing.
    public func crossOrigin(of route: Int) -> CrossOriginPolicy? {
        let index = Int(routes[route].crossOrigin)
        return index < 0 ? nil : parts.crossOrigins[index]
    }
}

extension FieldTable {
    /// Whether a response says already that it varies with the origin of requests, or with everything.
    ///
    /// - Parameter bytes: those that were parsed.
    public func variesWithOrigin(in bytes: Span<UInt8>) -> Bool {
        for index in 0..<count where !self[index].isDropped {
            let line = self[index]
            guard bytes.equalsIgnoringCase(line.name, "vary") else { continue }
            var rest = line.value
            while let name = bytes.nextName(&rest) {
                if bytes.equalsIgnoringCase(name, "origin") || bytes.equalsIgnoringCase(name, "*") { return true }
            }
        }
        return false
    }
}

extension Span where Element == UInt8 {
    /// Takes the next element from a list that commas part (RFC 9110 section 5.6.1), without the blanks around it; empty
    /// ones are passed over.
    fileprivate func nextName(_ list: inout Range<Int>) -> Range<Int>? {
        while !list.isEmpty {
            let end = first(UInt8(ascii: ","), in: list)
            let name = trimmed(list.lowerBound..<end)
            list = Swift.min(end + 1, list.upperBound)..<list.upperBound
            if !name.isEmpty { return name }
        }
        return nil
    }
}
