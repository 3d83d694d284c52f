import ApusModel
import ApusTransport
import Testing

@testable import ApusProxy

/// Responses, step by step and without a socket.
@Suite struct ScriptedResponseTests {
    static let get = "GET / HTTP/1.1\r\nHost: a\r\n\r\n"

    /// An interim response that its client takes slowly: the time for the final one goes on, and is not a body's.
    @Test func anInterimResponseLeavesTheTimeOfTheFinalOne() throws {
        var timeouts = Timeouts()
        timeouts.responseHead = .seconds(2)
        timeouts.body = .seconds(60)
        let stage = try ScriptedStage(timeouts: timeouts)
        stage.network.capacities = [512]
        let client = try stage.connect()
        stage.network.capacities = [65_536]
        stage.say(Self.get, from: client)
        let hint = "HTTP/1.1 103 Early Hints\r\nLink: <\(String(repeating: "x", count: 900))>\r\n\r\n"
        stage.say(hint, from: stage.origins[0])
        stage.pass(milliseconds: 500)
        var heard = stage.heard(client)
        #expect(heard.count < hint.count, "some of it waits")
        stage.turns()
        heard += stage.heard(client)
        #expect(heard.hasSuffix("\r\n\r\n"))
        stage.pass(milliseconds: 1_700)
        #expect(stage.heard(client).contains("response_head_timeout"))
    }

    /// A response whose body is wrong before any of it has gone out is answered 502, and is none: its endpoint has failed.
    @Test(arguments: ["zz\r\n", "", "5\r\nhelloX\r\n"])
    func aBadBodyThatComesWithItsHeadIsAFailure(body: String) throws {
        let stage = try ScriptedStage()
        let client = try stage.connect()
        stage.say("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n", from: client)
        stage.say("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + body, from: stage.origins[0])
        let layout = stage.hand.worker.proxy.shared.layout
        func count(_ counter: CounterLayout.EndpointCounter) -> UInt64 {
            stage.hand.worker.proxy.records.counters.value(layout.endpoint(0, counter))
        }
        if body.isEmpty {
            #expect(stage.heard(client).hasPrefix("HTTP/1.1 200 OK"))
            #expect(count(.responses) == 1 && count(.failures) == 0)
        } else {
            #expect(stage.heard(client).hasPrefix("HTTP/1.1 502 "))
            #expect(count(.responses) == 0 && count(.failures) == 1)
        }
    }
}
