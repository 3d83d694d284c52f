import ApusAddresses
import ApusHTTP
import ApusModel
import ApusProxy
import ApusTLS
import ApusTestKit
import Foundation
import Testing

/// Answers by a thread of its own, after a while or never.
private struct SlowSigner: TLSSigner {
    let keyKind = TLSCertificate.KeyKind.ecdsa
    let keyBits = 256
    var name = "site"
    var answers = true

    func sign(_ message: [UInt8], by algorithm: UInt16, _ answer: @escaping @Sendable ([UInt8]?) -> Void) {
        guard answers else { return }
        Thread.detachNewThread {
            Thread.sleep(forTimeInterval: 0.2)
            answer(try? TestCertificates.signature(of: message, by: algorithm, "\(name).key"))
        }
    }

    func certificate() throws -> Certificate {
        let chain = try TestCertificates.bytes("\(name).pem")
        return try TLSCertificate(chain: chain, signer: self).described(file: nil, keyFile: nil)
    }

    /// A listener's rules that show it.
    func shown() throws -> ListenerTLS {
        var tls = ListenerTLS()
        let certificate = try certificate()
        tls.certificates = [.init(certificate, names: certificate.names)]
        return tls
    }
}

/// Keys that are elsewhere, end to end.
@Suite(.serialized) struct Signing {
    @Test(arguments: ["--tls-max 1.2", "--tlsv1.3"])
    func aClientIsServedWhoseSignatureComesLate(options: String) throws {
        let tls = try SlowSigner().shown()
        let proxy = try tlsProxy(try Origin()) { $0.listener = { $0.tls = tls } }
        #expect(try curl(proxy, "/", options).hasSuffix(" 200"))
        try proxy.eventually("the count") { proxy.count(.handshakes) == 1 }
    }

    /// Apus shows origins a certificate by it, too.
    @Test func anOriginIsShownACertificateThatIsSignedForElsewhere() throws {
        let origin = try Origin()
        var tls = try showing("site")
        tls.certificates[0].clients = try asking()
        let inner = try tlsProxy(origin) { [tls] in $0.listener = { $0.tls = tls } }
        var rules = try trusting(as: "site.test")
        rules.certificate = try SlowSigner(name: "client").certificate()
        let proxy = try tlsProxy(Place(address: inner.address)) { [rules] in
            $0.pool = { pool, _ in pool.tls = rules }
        }
        let port = proxy.address.port
        let answer = try printed(by: "curl -sS --max-time 10 -w ' %{http_code}' http://127.0.0.1:\(port)/")
        #expect(answer.hasSuffix(" 200"), "\(answer)")
    }

    /// The deadline of handshakes holds; whoever comes meanwhile is served.
    @Test func aSignatureThatNeverComesHoldsUpNobodyElse() throws {
        var tls = try SlowSigner(answers: false).shown()
        tls.certificates += try showing("other").certificates
        let proxy = try tlsProxy(try Origin()) { [tls] in
            $0.timeouts.handshake = .seconds(1)
            $0.listener = { $0.tls = tls }
        }
        let waiting = try SlowClient(proxy, "")
        let answer = try curl(proxy, "/", host: "other.test")
        #expect(answer.hasSuffix(" 200"), "\(answer)")
        try proxy.eventually("the end of the handshake") { proxy.count(.handshakeTimeouts) == 1 }
        withExtendedLifetime(waiting) {}
    }
}
