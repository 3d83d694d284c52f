import ApusAddresses
import ApusExchange
import ApusHTTP
import ApusModel
import ApusRouting

/// A described request as routes see it: its head in hand, on a desk where a plan can write.
struct SeenRequest: ~Copyable {
    var hand = HeadInHand(place: ArrayDesk.Place.head)
    var desk: ArrayDesk
    let arrival: Arrival
    /// Seen through trusted proxies.
    let client: IPAddress
    /// The certificate that the client has shown.
    var shown = ShownCertificate()
    /// Headers that neither routes nor origins see, as they were written.
    let hiddenNames: [String]

    /// Parses the bytes that a client would send, and settles what they claim.
    ///
    /// - Throws: why the request is refused.
    init(_ bytes: [UInt8], _ arrival: Arrival, _ rules: RequestRules) throws(Reason) {
        var bytes = bytes
        hand.fields.clientRules = rules.clientFields
        guard try hand.parse(bytes.span, at: .head, limits: rules.headLimits) else { throw .badRequestLine }
        if arrival.isTrusted {
            var span = bytes.mutableSpan
            hand.fields.tidyClaims(in: &span)
        } else {
            hand.fields.dropClaims()
        }
        self.arrival = arrival
        client = rules.client(of: &hand, bytes.span, arrival)
        var hidden: [String] = []
        for index in 0..<hand.fields.count where hand.fields[index].isHidden {
            hidden.append(String(decoding: bytes[hand.fields[index].name], as: UTF8.self))
        }
        hiddenNames = hidden
        desk = ArrayDesk(head: bytes)
        desk.path = pathAsItCame
    }

    /// What the origin gets, where its route does not rewrite it.
    var pathAsItCame: [UInt8] { Array(desk.head[hand.head.target.path]) }
    /// The reading that routes are asked about first.
    var path: [UInt8] { desk.path }
    /// With its question mark; empty when there is none.
    var query: Range<Int> { hand.head.target.path.upperBound..<hand.head.target.pathAndQuery.upperBound }

    func text(_ range: Range<Int>) -> String { String(decoding: desk.head[range], as: UTF8.self) }

    /// Makes `path` the one that templates see.
    ///
    /// - Returns: false where it leads above the root.
    mutating func normalizePath(by rules: RequestRules) -> Bool {
        let bytes = desk.head
        guard rules.normalizesPath(of: &hand, bytes.span, listener: arrival.listener) else { return true }
        guard let normal = try? PathNormalization.normalized(pathAsItCame) else { return false }
        desk.path = normal
        return true
    }
}

/// What a route would write, in words.
extension SeenRequest {
    mutating func filling(of route: Int, by rules: RequestRules) -> TemplateFilling<ArrayDesk.Place> {
        TemplateFilling(&hand, path: .path, route: route, arrival, by: rules, desk)
    }

    mutating func location(of route: Int, by rules: RequestRules) -> String {
        let settings = rules.routes[route]
        return written(of: route, by: rules) {
            $0.appendLocation(
                settings.location, of: rules.parts.templates, namesItsHost: settings.action == .redirect, to: &$1)
        }
    }

    /// The path and query that the origin gets.
    mutating func target(of route: Int, by rules: RequestRules) -> String {
        let settings = rules.routes[route]
        guard settings.rewrites.contains(.target), !hand.head.isForServer else {
            return text(hand.head.target.pathAndQuery)
        }
        return written(of: route, by: rules) {
            $0.appendTarget(settings.path, of: rules.parts.templates, to: &$1)
        }
    }

    /// The host that the origin gets: with its port and as the client said it, unless the route writes it.
    mutating func host(of route: Int, by rules: RequestRules) -> String {
        let settings = rules.routes[route]
        guard settings.rewrites.contains(.host) else {
            return text(hand.head.target.form == .absolute ? hand.head.target.authority : hand.head.hostField)
        }
        return written(of: route, by: rules) { $0.appendHost(settings.host, of: rules.parts.templates, to: &$1) }
    }

    /// Changes to fields, in the order in which they are carried out.
    mutating func edits(_ edits: [FieldEdit], of route: Int, by rules: RequestRules) -> [RequestExplanation.Edit] {
        edits.filter(\.isAllowed).map { edit in
            switch edit {
            case .set(let name, let value):
                .init(action: "set", name: name, value: shown(name, value, of: route, by: rules))
            case .add(let name, let value):
                .init(action: "add", name: name, value: shown(name, value, of: route, by: rules))
            case .remove(let name): .init(action: "remove", name: name, value: nil)
            }
        }
    }

    private mutating func shown(_ name: String, _ value: TextTemplate, of route: Int, by rules: RequestRules) -> String
    {
        guard !isSensitive(fieldName: name) else { return "(not shown)" }
        var table = TemplateTable()
        let template = table.add(value, captures: rules.routePaths[route].captureNames)
        let text = written(of: route, by: rules) { $0.append(template, of: table, to: &$1) }
        // Blanks at its ends are no part of a value (RFC 9110 section 5.5).
        let isBlank: (Character) -> Bool = { $0 == " " || $0 == "\t" }
        return String(text.drop(while: isBlank).reversed().drop(while: isBlank).reversed())
    }

    /// What `write` leaves on a desk like this request's.
    private mutating func written(
        of route: Int, by rules: RequestRules,
        _ write: (inout TemplateFilling<ArrayDesk.Place>, inout ArrayDesk) -> Void
    ) -> String {
        var filling = filling(of: route, by: rules)
        var desk = desk
        desk.beginWriting()
        write(&filling, &desk)
        return String(decoding: desk.written, as: UTF8.self)
    }
}
