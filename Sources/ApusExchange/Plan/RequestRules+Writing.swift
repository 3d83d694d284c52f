public import ApusHTTP
public import ApusRouting

/// What is written for a request: the fields of the answer that its route gives, or its head as the origin will get it.
///
/// Each method leaves on the desk what it wrote, and throws why it cannot be sent: `headTooLarge` when it became too large
/// (`TextTemplate.limit`); `badRewrite` when a client made a template write what would be refused from a client.
extension RequestRules {
    /// Writes the fields of the answer that the route gives by itself: Location of a redirect (RFC 9110 section 10.2.2), and
    /// what the route adds to responses.
    @inlinable
    public func writeAnswerFields<Desk: PlanDesk & ~Copyable>(
        of route: Int, _ filling: inout TemplateFilling<Desk.Place>, to desk: inout Desk
    ) throws(Reason) {
        let settings = routes[route]
        desk.beginWriting()
        if settings.action != .respond {
            desk.append("Location: ")
            filling.appendLocation(
                settings.location, of: parts.templates, namesItsHost: settings.action == .redirect, to: &desk)
            desk.append("\r\n")
        }
        filling.append(settings.responseLines, of: parts.templates, to: &desk)
        try filling.check()
    }

    /// Writes the lines that the route adds to the origin's response, if they depend on the request.
    ///
    /// - Returns: false if they do not, and nothing was written.
    @inlinable
    public func writeResponseFields<Desk: PlanDesk & ~Copyable>(
        of route: Int, _ filling: inout TemplateFilling<Desk.Place>, to desk: inout Desk
    ) throws(Reason) -> Bool {
        let lines = routes[route].responseLines
        desk.beginWriting()
        if lines.isLiteral { return false }
        filling.append(lines, of: parts.templates, to: &desk)
        try filling.check()
        filling.room = TextTemplate.limit
        return true
    }

    /// Writes the head as the origin will get it, with what the route changes of it (RFC 9110 sections 7.6 and 7.7).
    ///
    /// - Parameters:
    ///   - clientAddress: writes the address that the connection comes from.
    ///   - ownAddress: writes where it arrived.
    ///   - certificate: whole lines that tell of the client's certificate.
    @inlinable
    public func writeForwarded<Desk: PlanDesk & ~Copyable>(
        _ hand: inout HeadInHand<Desk.Place>, by route: Int, _ filling: inout TemplateFilling<Desk.Place>,
        _ arrival: Arrival, ownPort: UInt16, to desk: inout Desk, clientAddress: (inout Desk) -> Void,
        ownAddress: (inout Desk) -> Void, certificate: [UInt8] = []
    ) throws(Reason) {
        let settings = routes[route]
        var rewrites = settings.rewrites
        // `*` is no path (RFC 9112 section 3.2.4).
        if hand.head.isForServer { rewrites.remove(.target) }
        parts.drop(settings.requestNames, from: &hand.fields, in: desk.bytes(of: hand.place))
        desk.beginWriting()
        desk.setInput(hand.place)
        hand.head.write(
            forwarding: ForwardedRequest(
                isTrusted: arrival.isTrusted, ownPort: ownPort, isSecure: arrival.isSecure, saysVia: saysVia,
                mark: mark(of: route), tellsCertificate: !certificate.isEmpty && settings.tellsCertificate,
                rewrites: rewrites),
            fields: hand.fields, to: &desk, clientAddress: clientAddress, ownAddress: ownAddress,
            rewritten: { part, desk in
                switch part {
                case .target: filling.appendTarget(settings.path, of: parts.templates, to: &desk)
                case .host: filling.appendHost(settings.host, of: parts.templates, to: &desk)
                case .fields: filling.append(settings.requestLines, of: parts.templates, to: &desk)
                case .prefix: filling.append(settings.strippedPrefix, of: parts.templates, to: &desk)
                case .certificate: desk.append(certificate.span)
                }
            })
        try filling.check()
    }
}
