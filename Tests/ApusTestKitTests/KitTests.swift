import ApusModel
import ApusTestKit
import Testing

/// The kit against itself: a client that speaks to a scripted origin, nothing in between.
@Suite struct KitTests {
    @Test func requestAndResponseArriveAsTheyWereSent() throws {
        let origin = try Origin { connection in
            let request = try connection.readRequest()
            #expect(request?.method == "POST" && request?.target == "/a" && request?.text == "hello")
            try connection.send("HTTP/1.1 200 Fine\r\nContent-Length: 2\r\nX-A:  b \r\n\r\nok")
        }
        let client = try Connection(to: origin.address)
        try client.sendSlowly("POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello")
        let response = try client.readResponse()
        #expect(response.status == 200 && response.phrase == "Fine" && response.text == "ok")
        #expect(response.fields.lines.last?.name == "X-A" && response.fields["x-a"] == "b")
        #expect(response.framing == .contentLength(2) && response.isComplete)
        #expect(try client.readEnding() == .closed)
        #expect(origin.requests.count == 1 && origin.failures.isEmpty)
    }

    @Test func chunksAreReadWithTheirTrailers() throws {
        let origin = try Origin(
            answer:
                "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\nA\r\n0123456789\r\n0\r\nX-T: 1\r\n\r\n"
        )
        let response = try Connection(to: origin.address).get()
        #expect(response.text == "abc0123456789" && response.chunks == [3, 10] && response.trailers["x-t"] == "1")
        #expect(response.isComplete && response.framing == .chunked)
    }

    @Test(arguments: [
        "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nabc",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nabc",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n",
    ])
    func aBodyCutShortIsSeen(answer: String) throws {
        let origin = try Origin { connection in
            _ = try connection.readRequest()
            try connection.send(answer)
        }
        let response = try Connection(to: origin.address).get()
        #expect(!response.isComplete && response.ending == .closed)
    }

    @Test(arguments: [
        "HTTP/1.1 200 OK\nContent-Length: 0\r\n\r\n",
        "HTTP/1.1 200\r\nContent-Length: 0\r\n\r\n",
        "HTTP/2 200 OK\r\nContent-Length: 0\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 0\r\nContent-Length: 0\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0x1\r\na\r\n0\r\n\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nab\r\n0\r\n\r\n",
        "HTTP/1.1 200 OK\r\nX-A : b\r\nContent-Length: 0\r\n\r\n",
    ])
    func whatIsNotHTTPIsNotRead(answer: String) throws {
        let origin = try Origin(answer: answer)
        let client = try Connection(to: origin.address)
        #expect(throws: KitError.self) { try client.get() }
    }

    @Test func closedAndResetAndOpenAreToldApart() throws {
        let gate = Gate()
        let origin = try Origin { connection in
            switch try connection.readRequest()?.target {
            case "/close": connection.close()
            case "/reset": connection.reset()
            default: try gate.pass()
            }
        }
        for (target, ending) in [("/close", Connection.Ending.closed), ("/reset", .reset)] {
            let client = try Connection(to: origin.address)
            try client.send("GET \(target) HTTP/1.1\r\nHost: a\r\n\r\n")
            #expect(try client.readEnding() == ending)
        }
        let client = try Connection(to: origin.address)
        try client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        #expect(try client.isSilent(for: .milliseconds(20)))
        gate.open()
        #expect(try client.readEnding() == .closed)
    }

    @Test func aHalfClosedConnectionStillReceives() throws {
        let origin = try Origin { connection in
            let (bytes, ending) = try connection.readToEnd()
            #expect(bytes.count == 3 && ending == .closed)
            try connection.send("late")
        }
        let client = try Connection(to: origin.address)
        try client.send("abc")
        client.endSending()
        #expect(text(try client.readToEnd().bytes) == "late")
    }

    @Test func aRefusingPortRefuses() throws {
        let port = try RefusingPort()
        #expect {
            try Connection(to: port.address)
        } throws: {
            "\($0)".contains("connect failed with errno 111")
        }
    }

    @Test func aBlackHoleAnswersNothing() throws {
        let hole = try BlackHole()
        #expect {
            try Connection(to: hole.address, within: .milliseconds(100))
        } throws: {
            "\($0)".contains("deadline passed")
        }
    }

    @Test func anOriginDiesAndReturnsOnItsPort() throws {
        let origin = try Origin()
        let client = try Connection(to: origin.address)
        #expect(try client.get().status == 200)
        origin.kill()
        #expect(try client.readEnding() == .reset)
        #expect(throws: KitError.self) { try Connection(to: origin.address) }
        try origin.reopen()
        #expect(try Connection(to: origin.address).get().status == 200)
        #expect(origin.connections == 2 && origin.requests.count == 2)
    }

    @Test func sendingStallsAgainstAPeerThatDoesNotRead() throws {
        let gate = Gate()
        let origin = try Origin(buffers: .tiny) { _ in try gate.pass() }
        let client = try Connection(to: origin.address, buffers: .tiny)
        let sent = try client.sendUntilStalled([UInt8](repeating: 0x61, count: 4096), pause: .milliseconds(100))
        #expect(sent < 64 << 10)
        gate.open()
    }

    @Test func aLoadCountsAnswersAndFailures() throws {
        let origin = try Origin()
        let load = Load(on: origin.address, connections: 3, expecting: "ok")
        try load.waitForMore(100)
        origin.kill()
        try load.waitForMore(3)
        let result = try load.stop()
        #expect(result.count(200) >= 100 && !result.failures.isEmpty && !result.isFlawless)
    }

    @Test func aScriptThatThrowsIsRecorded() throws {
        let origin = try Origin { connection in _ = try connection.readRequest() }
        let client = try Connection(to: origin.address)
        try client.send("GET / HTTP/1.1\nHost: a\n\n")
        #expect(try client.readEnding() == .closed)
        try origin.wait(for: "a failure") { $0.failures.count == 1 }
    }
}
