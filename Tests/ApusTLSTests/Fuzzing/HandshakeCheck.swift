import ApusModel
import ApusTransport

@testable import ApusTLS

/// A conversation over a line that somebody tampers with, as a few bytes tell: what an engine makes of records that are cut, changed,
/// doubled, exchanged, left out, or made up, in whatever state it is.
///
/// Whatever comes, the process goes on, nobody reads what was not said, and nobody is let in without the certificate that is asked for.
/// BoringSSL draws random numbers, so that the same bytes do not always take the same way.
final class HandshakeCheck {
    /// What is done with the bytes that are under way, by the upper three bits of a byte; the lower ones say where.
    private enum Deed: UInt8 {
        case pass, passSome, change, double, exchange, leaveOut, makeUp, speak
    }

    private let client: TLSEnd
    private let server: TLSEnd
    private let asksClient: Bool
    private let showsCertificate: Bool
    private var script: ArraySlice<UInt8>
    private var said: (client: [UInt8], server: [UInt8]) = ([], [])

    /// What both sides are made from: made once.
    struct Parties {
        let servers: [TLSEngines]
        let clients: [TLSEngines]

        /// - Parameters:
        ///   - plain: asks no client for a certificate; `asking`: all of them.
        init(plain: TLSContext, asking: TLSContext, nameless: TLSContext, showing: TLSContext, peer: TLSPeer) {
            servers = [plain, asking].map { context in
                let engines = TLSEngines(sealedCapacity: 64 << 10)
                engines.use([context])
                return engines
            }
            clients = [nameless, showing].map { context in
                let engines = TLSEngines(sealedCapacity: 64 << 10)
                engines.use([context], peers: [peer])
                return engines
            }
        }
    }

    /// - Returns: what is wrong; nil for nothing.
    static func problem(with script: [UInt8], _ parties: Parties) -> String? {
        guard let first = script.first else { return nil }
        return HandshakeCheck(first, script.dropFirst(), parties).problem()
    }

    private init(_ first: UInt8, _ script: ArraySlice<UInt8>, _ parties: Parties) {
        self.script = script
        asksClient = first & 1 != 0
        showsCertificate = first & 2 != 0
        server = TLSEnd(parties.servers[asksClient ? 1 : 0])
        client = TLSEnd(parties.clients[showsCertificate ? 1 : 0])
        client.take([])
        // Behind a handshake, records of data are what is tampered with.
        if first & 4 != 0 { TLSEnd.exchange(client, server) }
    }

    private func problem() -> String? {
        var deeds = 0
        while let byte = script.popFirst(), deeds < 200 {
            deeds += 1
            let isFromClient = byte & 1 == 0
            let (from, to) = isFromClient ? (client, server) : (server, client)
            tamper(Deed(rawValue: byte >> 5) ?? .pass, at: Int(byte >> 1 & 15), from, to, isFromClient)
        }
        TLSEnd.exchange(client, server)
        if !isStart(server.received, of: said.client) || !isStart(client.received, of: said.server) {
            return "something was read that nobody said"
        }
        if server.isDone, asksClient {
            if !showsCertificate { return "a client was let in without a certificate" }
            if server.engines.identity(server.engine)?.names.first != "client.test" {
                return "it is not known who was let in"
            }
        }
        return nil
    }

    private func isStart(_ read: [UInt8], of said: [UInt8]) -> Bool { said.starts(with: read) }

    private func tamper(_ deed: Deed, at place: Int, _ from: TLSEnd, _ to: TLSEnd, _ isFromClient: Bool) {
        var records = Self.records(from.sent)
        let index = min(place, records.count - 1)
        switch deed {
        case .pass: break
        case .passSome:
            let count = min(from.sent.count, place * 7 + 1)
            to.take(from.sent[..<count])
            from.sent.removeFirst(count)
            return
        case .change:
            guard !from.sent.isEmpty, let bits = script.popFirst() else { break }
            // The beginning of records has most of what is read before it is verified.
            let at = (Int(script.popFirst() ?? 0) << 4 | place) % from.sent.count
            from.sent[at] ^= bits
            return
        case .double: if index >= 0 { records.insert(records[index], at: index) }
        case .exchange: if index > 0 { records.swapAt(index, index - 1) }
        case .leaveOut: if index >= 0 { records.remove(at: index) }
        case .makeUp:
            let count = min(script.count, place * 3)
            let made = Array(script.prefix(count))
            script = script.dropFirst(count)
            records.insert([20 + UInt8(place & 3), 3, 3, 0, UInt8(count)] + made, at: 0)
        case .speak:
            guard from.isDone else { break }
            let text = Array("\(said.client.count + said.server.count) ".utf8)
            if isFromClient { said.client += text } else { said.server += text }
            from.say(text)
            return
        }
        from.sent = []
        to.take(Array(records.joined())[...])
    }

    /// The records that bytes have, the last as far as it is there.
    private static func records(_ bytes: [UInt8]) -> [[UInt8]] {
        var records: [[UInt8]] = []
        var rest = bytes[...]
        while rest.count > 5 {
            let count = 5 + Int(rest[rest.startIndex + 3]) << 8 + Int(rest[rest.startIndex + 4])
            records.append(Array(rest.prefix(count)))
            rest = rest.dropFirst(count)
        }
        if !rest.isEmpty { records.append(Array(rest)) }
        return records
    }
}

extension HandshakeCheck.Parties {
    /// - Parameter read: gives the bytes of a file of the tests' certificates.
    init(_ read: (String) throws -> [UInt8], peer: TLSPeer) throws {
        let store = try TrustStore(authorities: read("ca.pem"))
        func certificate(_ name: String) throws -> TLSCertificate {
            try TLSCertificate(chain: read("\(name).pem"), key: read("\(name).key"))
        }
        let site = try certificate("site")
        func server(asking rules: ClientCertificateRules?) throws -> TLSContext {
            var tls = ListenerTLS()
            tls.certificates = [.init(site.described(file: nil, keyFile: nil), names: site.names, clients: rules)]
            return try TLSContext(showing: try CertificateTable(tls), tickets: TicketKeys())
        }
        self.init(
            plain: try server(asking: nil),
            asking: try server(asking: ClientCertificateRules(store.described(file: "ca.pem", isSystems: false))),
            nameless: try TLSContext(asClient: TLSRules(), trusting: store),
            showing: try TLSContext(asClient: TLSRules(), trusting: store, showing: try certificate("client")),
            peer: peer)
    }
}
