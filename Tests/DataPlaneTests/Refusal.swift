import ApusHTTP
import ApusTestKit
import Testing

/// Bytes that must be refused, and the reasons that may be given: several only where one input breaks several rules.
struct BadInput: Sendable, CustomTestStringConvertible {
    var text: String
    var reasons: [Reason]

    init(_ text: String, _ reasons: Reason...) {
        self.text = text
        self.reasons = reasons
    }

    var testDescription: String {
        "\(printable(bytes(text).prefix(300))) as \(reasons.map { "\($0.token)" }.joined(separator: " or "))"
    }
}

/// How the bytes of an input reach the proxy. Its answer may not depend on that.
enum Delivery: Sendable, CaseIterable {
    case inOnePiece
    case byteByByte
}

/// Sends `input` on a connection of its own and expects it to be refused: the right status and reason in a complete
/// response, the connection announced closed and closed in good order, nothing complete at the origin, and the proxy
/// as well as before.
func expectRefused(
    _ input: BadInput, _ delivery: Delivery = .inOnePiece, sourceLocation: SourceLocation = #_sourceLocation,
    configure: (inout Proxy.Configuration) -> Void = { _ in }
) throws {
    let origin = try Origin()
    let proxy = try Proxy(origin, configure: configure)
    let client = try proxy.connect()
    switch delivery {
    case .inOnePiece: try client.send(input.text)
    // The refusal may come, and the connection end, before the last byte.
    case .byteByByte: try? client.sendSlowly(input.text)
    }
    let response = try client.readResponse()
    expectRefusal(response, input.reasons, sourceLocation: sourceLocation)
    #expect(try client.readEnding() == .closed, sourceLocation: sourceLocation)

    // Whatever had reached the origin would have done so before this.
    #expect(try proxy.get("/after").status == 200, sourceLocation: sourceLocation)
    let record = origin.record
    #expect(record.requests.map(\.target) == ["/after"], "\(record)", sourceLocation: sourceLocation)
    if record.heads.count > 1 {
        try origin.wait(for: "the end of the broken request's connection") { $0.ended >= 1 }
    }
    if let reason = Reason.allCases.first(where: { "\($0.token)" == response.reason }) {
        try proxy.eventually("the counter of \(reason)") { proxy.count(reason) == 1 }
    }
}

/// Expects `response` to be one that Apus made for one of `reasons` about bad input.
func expectRefusal(
    _ response: Response, _ reasons: [Reason], sourceLocation: SourceLocation = #_sourceLocation
) {
    expectMade(response, reasons, sourceLocation: sourceLocation)
    #expect(response.announcesClose, "\(response)", sourceLocation: sourceLocation)
}

/// Expects `response` to be one that Apus made for one of `reasons`.
func expectMade(_ response: Response, _ reasons: [Reason], sourceLocation: SourceLocation = #_sourceLocation) {
    let reason = reasons.first { "\($0.token)" == response.reason }
    guard let reason else {
        Issue.record(
            "\(response.status) \(response.reason ?? "without a reason") instead of \(reasons.map { "\($0.token)" })",
            sourceLocation: sourceLocation)
        return
    }
    #expect(response.status == reason.status, sourceLocation: sourceLocation)
    #expect(response.isComplete, sourceLocation: sourceLocation)
    #expect(response.fields["Content-Type"]?.hasPrefix("text/plain") == true, sourceLocation: sourceLocation)
    #expect(response.text.contains("\(reason.token)"), "\(response)", sourceLocation: sourceLocation)
}

extension Response {
    /// What a test usually wants to say about a good response.
    var isGood: Bool { status == 200 && text == "ok" && isComplete }
}

let ok = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
