import ApusHTTP

/// What is measured: one task, done as often as it is asked for.
enum Workload: String, CaseIterable {
    case parseBrowserRequest = "parse-browser-request"
    case parseCurlRequest = "parse-curl-request"
    case parseFileResponse = "parse-file-response"
    case writeBrowserRequest = "write-browser-request"
    case writeCurlRequest = "write-curl-request"
    case writeFileResponse = "write-file-response"
    /// Allocates once each time, to show that allocations are seen.
    case control

    /// The head that this is about.
    var head: [UInt8] {
        switch self {
        case .parseBrowserRequest, .writeBrowserRequest: SampleHead.browserRequest
        case .parseCurlRequest, .writeCurlRequest, .control: SampleHead.curlRequest
        case .parseFileResponse, .writeFileResponse: SampleHead.fileResponse
        }
    }

    func run(times: Int) {
        switch self {
        case .parseBrowserRequest, .parseCurlRequest: parseRequest(head, times)
        case .parseFileResponse: parseResponse(head, times)
        case .writeBrowserRequest, .writeCurlRequest: writeRequest(head, times)
        case .writeFileResponse: writeResponse(head, times)
        case .control: allocate(head, times)
        }
    }
}

private func parseRequest(_ bytes: [UInt8], _ times: Int) {
    var fields = FieldTable()
    let limits = HeadLimits()
    for _ in 0..<times {
        let head = try? RequestHead.parse(bytes.span, limits: limits, into: &fields)
        precondition(head?.end == bytes.count)
    }
}

private func parseResponse(_ bytes: [UInt8], _ times: Int) {
    var fields = FieldTable()
    let limits = HeadLimits()
    for _ in 0..<times {
        let head = try? ResponseHead.parse(bytes.span, method: .get, limits: limits, into: &fields)
        precondition(head?.end == bytes.count)
    }
}

private func writeRequest(_ bytes: [UInt8], _ times: Int) {
    var fields = FieldTable()
    guard let head = try? RequestHead.parse(bytes.span, limits: HeadLimits(), into: &fields) else {
        fatalError("The sample is refused.")
    }
    var output = OutputBuffer(input: bytes, capacity: 4_096)
    for _ in 0..<times {
        output.removeAll()
        head.write(forwarding: ForwardedRequest(isTrusted: false), fields: fields, to: &output) { output in
            output.append("203.0.113.7")
        } ownAddress: { output in
            output.append("127.0.0.1:8080")
        }
        precondition(output.count > bytes.count)
    }
}

private func writeResponse(_ bytes: [UInt8], _ times: Int) {
    var fields = FieldTable()
    guard let head = try? ResponseHead.parse(bytes.span, method: .get, limits: HeadLimits(), into: &fields) else {
        fatalError("The sample is refused.")
    }
    var output = OutputBuffer(input: bytes, capacity: 4_096)
    for _ in 0..<times {
        output.removeAll()
        head.write(forwarded: ForwardedResponse(isChunked: false, connection: nil), fields: fields, to: &output)
        precondition(output.count > 0)
    }
}

private func allocate(_ bytes: [UInt8], _ times: Int) {
    for _ in 0..<times {
        let copy = Array(bytes.reversed())
        precondition(copy.count == bytes.count)
    }
}
