import ApusHTTP
import ApusModel
import ApusProxy
import ApusTestKit
import Testing

/// When buffers run out, they are taken from those who do least with theirs.
@Suite(.onOwnThreads) struct MemoryPressure {
    private static let halfHead = "GET / HTTP/1.1\r\nHost: a\r\nX: " + String(repeating: "x", count: 60_000)

    /// As many half heads as the buffers hold, and more: others are served all the same, one after the other.
    @Test(arguments: [8, 200]) func halfHeadsDoNotKeepOthersOut(count: Int) throws {
        let origin = try Origin()
        let proxy = try Proxy(origin) { $0.limits.bufferBytesPerWorker = 512 << 10 }
        let idle = try (0..<count).map { _ in try proxy.connect() }
        for client in idle { try? client.send(Self.halfHead) }
        try proxy.eventually("the buffers to be used up") { proxy.count(.bufferBytes) > 384 << 10 }
        for _ in 0..<20 { #expect(try proxy.get().isGood) }
        let kept = try proxy.connect()
        for _ in 0..<20 { #expect(try kept.get().isGood) }
        // A request with a body as well.
        let body = String(repeating: "y", count: 50_000)
        #expect(
            try proxy.exchange("PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: \(body.count)\r\n\r\n\(body)").isGood)
        // Whose head was given up is told so.
        #expect(proxy.count(.memoryLimit) > 0)
        var refused = 0
        for client in idle {
            client.patience = .milliseconds(200)
            if let response = try? client.readResponse(), response.reason == "memory_limit" {
                #expect(response.announcesClose)
                refused += 1
            }
        }
        #expect(refused > 0)
        for client in idle { client.close() }
        try proxy.eventually("the buffers to be given back") { proxy.count(.bufferBytes) == 0 }
    }

    /// A head that comes in two pieces is not what memory is taken from, as long as there are larger ones.
    @Test func aSmallHeadOutlivesLargeOnes() throws {
        let proxy = try Proxy(try Origin()) { $0.limits.bufferBytesPerWorker = 512 << 10 }
        let small = try proxy.connect()
        try small.send("GET / HTTP/1.1\r\nHost: a\r\n")
        let idle = try (0..<40).map { _ in try proxy.connect() }
        for client in idle { try? client.send(Self.halfHead) }
        try proxy.eventually("some to be given up") { proxy.count(.memoryLimit) > 10 }
        for _ in 0..<10 { #expect(try proxy.get().isGood) }
        try small.send("\r\n")
        #expect(try small.readResponse().isGood)
    }

    /// Neither do requests that were sent before the one before them was answered.
    @Test func requestsThatCameTooEarlyDoNotKeepOthersOut() throws {
        let gate = Gate()
        let origin = try Origin(answering: { request in
            if request.target == "/slow" { try gate.pass(by: .after(.seconds(30))) }
            return ok
        })
        let file = AccessLogFile()
        let log = file.log(.template(try AccessLogTemplate("{status} {closed_by} {close_reason}")))
        let proxy = try Proxy(origin) {
            $0.limits.bufferBytesPerWorker = 512 << 10
            $0.accessLog = log
        }
        let early = try (0..<12).map { _ in try proxy.connect() }
        for client in early {
            try client.send("GET /slow HTTP/1.1\r\nHost: a\r\n\r\n" + Self.halfHead)
        }
        try origin.wait(for: "the first requests") { $0.heads.count >= 6 }
        try proxy.eventually("the buffers to be used up") { proxy.count(.bufferBytes) > 384 << 10 }
        for _ in 0..<10 { #expect(try proxy.get().isGood) }
        gate.open()
        let responses = early.compactMap { try? $0.readResponse() }
        #expect(responses.contains { $0.isGood && $0.announcesClose })
        #expect(responses.allSatisfy { $0.isGood || $0.reason == "memory_limit" })
        // What ended the connections of those that were answered is told too.
        let closed = responses.count { $0.isGood && $0.announcesClose }
        try proxy.eventually("the lines") {
            file.lines.count { $0 == "200 apus memory_limit" } >= closed
        }
    }

    /// Half bodies that are kept to be sent again are let go; their requests go on.
    @Test func halfBodiesAreNotKeptAtOthersCost() throws {
        let origin = try Origin()
        let proxy = try Proxy(origin) {
            $0.limits.bufferBytesPerWorker = 512 << 10
            $0.pool = { pool, _ in pool.retries.bodyBytes = 1 << 20 }
        }
        let half = String(repeating: "y", count: 40_000)
        let uploads = try (0..<16).map { _ in try proxy.connect() }
        for (index, client) in uploads.enumerated() {
            try client.send("PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 80000\r\n\r\n\(half)")
            try origin.wait(for: "the upload") { $0.heads.count == index + 1 }
        }
        for _ in 0..<20 { #expect(try proxy.get().isGood) }
        for client in uploads {
            try client.send(half)
            #expect(try client.readResponse().isGood)
        }
    }

    /// For a retry that may never be needed nobody loses a buffer: the body is passed on, and no longer kept.
    @Test func keepingABodyTakesNobodysMemory() throws {
        let origin = try Origin()
        let proxy = try Proxy(origin) {
            $0.limits.bufferBytesPerWorker = 512 << 10
            $0.pool = { pool, _ in pool.retries.bodyBytes = 1 << 20 }
        }
        let idle = try (0..<7).map { _ in try proxy.connect() }
        for client in idle { try client.send(Self.halfHead) }
        try proxy.eventually("the buffers to be nearly used up") { proxy.count(.bufferBytes) >= 448 << 10 }
        let upload = try proxy.connect()
        try upload.send("PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 200000\r\n\r\n")
        // What comes together with the head needs a buffer of its own size, and may take one.
        try origin.wait(for: "the head") { $0.heads.count == 1 }
        for _ in 0..<20 { try upload.send(String(repeating: "y", count: 10_000)) }
        #expect(try upload.readResponse().isGood)
        for client in idle { #expect(try client.isSilent(for: .milliseconds(20))) }
        #expect(proxy.count(.memoryLimit) == 0)
    }

    /// Clients that take nothing of their responses lose them before others are kept out for long.
    @Test func responsesThatNobodyTakesAreBrokenOff() throws {
        let origin = try Origin { connection in
            while let request = try connection.readRequest() {
                guard request.target == "/large" else {
                    try connection.send(ok)
                    continue
                }
                try connection.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
                let chunk = bytes("100000\r\n") + [UInt8](repeating: 0x7a, count: 1 << 20) + bytes("\r\n")
                while true { try connection.send(chunk) }
            }
        }
        let proxy = try Proxy(origin) { $0.limits.bufferBytesPerWorker = 512 << 10 }
        let stalled = try (0..<24).map { _ in try proxy.connect(buffers: .tiny) }
        for client in stalled { try client.send("GET /large HTTP/1.1\r\nHost: a\r\n\r\n") }
        try proxy.eventually("the buffers to be used up") { proxy.count(.memoryLimit) > 0 }
        let upload = String(repeating: "y", count: 50_000)
        try proxy.eventually("service", by: .after(.seconds(8))) {
            try proxy.exchange("PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 50000\r\n\r\n\(upload)").isGood
        }
        for _ in 0..<10 { #expect(try proxy.get().isGood) }
        for client in stalled { client.close() }
    }
}
