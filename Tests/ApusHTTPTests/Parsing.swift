import ApusHTTP

/// What came of parsing, in a form that can be compared.
enum Outcome: Equatable, CustomStringConvertible {
    case complete(String)
    case incomplete
    case refused(Reason)

    var description: String {
        switch self {
        case .complete(let text): "complete: \(text)"
        case .incomplete: "incomplete"
        case .refused(let reason): "refused: \(reason)"
        }
    }
}

func text(_ bytes: [UInt8], _ range: Range<Int>) -> String { String(decoding: bytes[range], as: UTF8.self) }

/// Everything that the parser says of a request head.
func parseRequest(_ bytes: [UInt8], limits: HeadLimits = HeadLimits()) -> Outcome {
    var fields = FieldTable()
    do {
        guard let head = try RequestHead.parse(bytes.span, limits: limits, into: &fields) else { return .incomplete }
        var lines = "\(head.method) \(text(bytes, head.target.pathAndQuery)) \(head.version) \(head.framing)"
        lines += " host=\(text(bytes, head.host)) alive=\(head.keepsAlive) path=\(text(bytes, head.target.path))"
        if head.expectsContinue { lines += " expects" }
        if head.acceptsTrailers { lines += " trailers" }
        if head.namesFields { lines += " names" }
        for index in 0..<fields.count where !fields[index].isDropped {
            lines += "|\(text(bytes, fields[index].name))=\(text(bytes, fields[index].value))"
        }
        return .complete(lines + " end=\(head.end)")
    } catch {
        return .refused(error)
    }
}

/// As the data plane does it.
private func parseOrMend(
    _ bytes: inout [UInt8], _ method: Method, _ limits: HeadLimits, _ fields: inout FieldTable
) throws(Reason) -> ResponseHead? {
    do throws(Reason) {
        return try ResponseHead.parse(bytes.span, method: method, limits: limits, into: &fields)
    } catch {
        guard error.canBeMended else { throw error }
        var span = bytes.mutableSpan
        return try ResponseHead.parse(mending: &span, method: method, limits: limits, into: &fields)
    }
}

func parseResponse(_ input: [UInt8], method: Method = .get, limits: HeadLimits = HeadLimits()) -> Outcome {
    var bytes = input
    var fields = FieldTable()
    do {
        guard let head = try parseOrMend(&bytes, method, limits, &fields) else { return .incomplete }
        var lines =
            "\(head.version) \(head.status) \(text(bytes, head.phrase)) \(head.framing) alive=\(head.keepsAlive)"
        for index in 0..<fields.count where !fields[index].isDropped {
            lines += "|\(text(bytes, fields[index].name))=\(text(bytes, fields[index].value))"
        }
        return .complete(lines + " end=\(head.end)")
    } catch {
        return .refused(error)
    }
}

/// A sink that collects what is written.
struct Collected: HeadSink {
    var input: [UInt8]
    var output: [UInt8] = []

    mutating func append(input range: Range<Int>) { output += input[range] }
    mutating func append(_ text: StaticString) { output += Array(text.description.utf8) }
    mutating func append(_ byte: UInt8) { output.append(byte) }

    var text: String { String(decoding: output, as: UTF8.self) }
}

/// The request in `text` as it would be forwarded.
func forward(_ text: String, isTrusted: Bool = false, saysVia: Bool = true, mark: LoopMark? = nil) throws -> String {
    var fields = FieldTable()
    let bytes = Array(text.utf8)
    guard let head = try RequestHead.parse(bytes.span, limits: HeadLimits(), into: &fields) else { return "incomplete" }
    var sink = Collected(input: bytes)
    head.write(
        forwarding: ForwardedRequest(isTrusted: isTrusted, saysVia: saysVia, mark: mark), fields: fields, to: &sink,
        clientAddress: { $0.append("10.1.2.3") }, ownAddress: { $0.append("127.0.0.1:8080") })
    return sink.text
}

func forwardResponse(_ text: String, _ forwarded: ForwardedResponse, method: Method = .get) throws -> String {
    var fields = FieldTable()
    var bytes = Array(text.utf8)
    guard let head = try parseOrMend(&bytes, method, HeadLimits(), &fields) else { return "incomplete" }
    var sink = Collected(input: bytes)
    head.write(forwarded: forwarded, fields: fields, to: &sink)
    return sink.text
}
