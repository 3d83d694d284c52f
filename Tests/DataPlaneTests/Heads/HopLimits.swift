import ApusHTTP
import ApusModel
import ApusTestKit
import Testing

/// Max-Forwards: how far a TRACE or OPTIONS request may go (RFC 9110 section 7.6.2).
@Suite struct HopLimits {
    @Test(arguments: ["TRACE", "OPTIONS"]) func theLastHopAnswers(method: String) throws {
        let origin = try Origin()
        let proxy = try Proxy(origin)
        let client = try proxy.connect()
        let head =
            "\(method) /a HTTP/1.1\r\nHost: a\r\nMax-Forwards: 0\r\nX-A: b\r\nCookie: secret\r\n"
            + "Authorization: secret\r\n\r\n"
        for _ in 0..<2 {
            try client.send(head)
            let response = try client.readResponse(to: method)
            #expect(response.status == 200 && response.reason == nil && !response.announcesClose)
            if method == "TRACE" {
                #expect(response.fields["Content-Type"] == "message/http")
                #expect(response.text == "TRACE /a HTTP/1.1\r\nHost: a\r\nMax-Forwards: 0\r\nX-A: b\r\n\r\n")
            } else {
                #expect(response.fields["Allow"]?.contains("OPTIONS") == true && response.body.isEmpty)
            }
        }
        #expect(origin.requests.isEmpty)
    }

    @Test(arguments: [
        ("TRACE", "5", ["4"]), ("OPTIONS", "1", ["0"]), ("OPTIONS", "x", ["x"]), ("OPTIONS", "-1", ["-1"]),
        ("GET", "0", ["0"]), ("TRACE", "99999999999999999999", ["99999999999999999999"]),
        ("TRACE", "3\r\nmax-forwards: 2", ["1"]),
    ])
    func theOthersCountDown(method: String, sent: String, received: [String]) throws {
        let origin = try Origin()
        let proxy = try Proxy(origin)
        let request = "\(method) / HTTP/1.1\r\nHost: a\r\nMax-Forwards: \(sent)\r\n\r\n"
        #expect(try proxy.exchange(request, method: method).isGood)
        #expect(try #require(origin.requests.first).fields.all("Max-Forwards") == received)
    }
}
