internal import ApusAddresses

/// A header of the PROXY protocol: one answer for every cut, within its bounds, and what it names can be written and read
/// again.
func checkProxyHeader(_ input: [UInt8]) throws(ParserProblem) {
    enum Outcome: Equatable {
        case header(ProxyHeader)
        case fault(ProxyHeaderFault)
    }
    let answer = try checkEveryCut(of: input) { bytes -> ParserAnswer<Outcome> in
        do throws(ProxyHeaderFault) {
            return try ProxyHeader.parse(bytes).map { .success(.header($0)) } ?? .incomplete
        } catch {
            return .success(.fault(error))
        }
    }
    let isText = input.first == UInt8(ascii: "P")
    let limit = isText ? ProxyHeader.textLimit : ProxyHeader.binaryLimit
    if answer == .incomplete { try require(input.count < limit, "\(input.count) bytes are not enough") }
    guard case .success(.header(let header)) = answer else { return }
    try require(header.end <= min(limit, input.count), "a header of \(header.end) bytes")
    try require(ProxyHeader.isAtStart(of: input.span), "a header that is not known by its start")
    guard let addresses = header.addresses else { return }
    for version in ProxyProtocol.allCases {
        let written = ProxyHeader.bytes(version, client: addresses.client, reached: addresses.reached)
        guard let again = try? ProxyHeader.parse(written.span) else {
            throw ParserProblem("what is written as \(version) is no header")
        }
        try require(
            again.addresses == addresses && again.end == written.count, "\(version) says something else")
    }
}
