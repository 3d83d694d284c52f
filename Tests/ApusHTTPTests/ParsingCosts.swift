import ApusHTTP
import Glibc
import Testing

/// What this thread has computed so far: what else the machine does takes none of it.
private func computed() -> Duration {
    var time = timespec()
    // SAFETY: the call writes to a variable that outlives it.
    unsafe clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time)
    return .seconds(time.tv_sec) + .nanoseconds(time.tv_nsec)
}

/// What a head costs depends on its size, and hardly on what stands in it.
@Suite(.serialized) struct ParsingCosts {
    /// Heads of up to 64 KiB that look like work.
    private static let heads: [(String, String)] = [
        ("one long field", "X: " + repeated("x", 60_000)),
        ("short fields", repeated("a: b\r\n", 97) + "c: d"),
        ("long names", (0..<90).map { "\(repeated("n", 600))\($0): v" }.joined(separator: "\r\n")),
        ("known names", repeated("x-forwarded-proto: x\r\n", 97) + "a: b"),
        ("options without end", "Connection: " + repeated("a,", 30_000)),
        ("options at the limit", "Connection: " + repeated("a,", 32) + "\r\n" + repeated("a: b\r\n", 96) + "c: d"),
        ("options in many lines", repeated("Connection: b\r\n", 97) + "c: d"),
        ("empty options", "Connection: " + repeated(",", 60_000)),
        ("blank options", "Connection: " + repeated(" ,", 30_000)),
        ("codings", "TE: " + repeated("a,", 30_000)),
        ("forwarded addresses", "X-Forwarded-For: " + repeated("1.1.1.1,", 7_500)),
        ("cookies", "Cookie: " + repeated("a=b; ", 12_000)),
        ("accepted types", "Accept: " + repeated("*/*,", 15_000)),
        ("lengths", repeated("Content-Length: 1\r\n", 97) + "a: b"),
        ("credentials", "Authorization: " + repeated("NTLM ", 12_000)),
        ("blank value", "X: " + repeated(" ", 60_000)),
        ("tabs", "X: " + repeated("x\t", 30_000)),
    ]

    private static func repeated(_ text: String, _ count: Int) -> String { String(repeating: text, count: count) }

    /// Nanoseconds for one parse: the best of several rounds.
    private func cost(_ fields: String, rounds: Int = 12) -> (time: Double, bytes: Int) {
        let bytes = Array("GET /a/path HTTP/1.1\r\nHost: example.com\r\n\(fields)\r\n\r\n".utf8)
        var table = FieldTable()
        var best = Duration.seconds(100)
        for _ in 0..<rounds {
            let start = computed()
            _ = try? RequestHead.parse(bytes.span, limits: HeadLimits(), into: &table)
            best = min(best, computed() - start)
        }
        return (best / .nanoseconds(1), bytes.count)
    }

    /// Between the plainest of heads of that size and the dearest lies a factor that does not grow with the size.
    @Test func noHeadIsOutOfProportion() {
        let few = cost("a: b")
        let many = cost(Self.repeated("abcdefgh: ijklmnopqrstuvwxyz\r\n", 97) + "a: b")
        let perByte = many.time / Double(many.bytes)
        for (name, fields) in Self.heads {
            let head = cost(fields)
            let usual = few.time + perByte * Double(head.bytes)
            print("cost of \(name): \(Int(head.time)) ns for \(head.bytes) bytes, \(head.time / usual) of the usual")
            #expect(head.time < 100 * usual, "\(name)")
        }
    }

    /// Chunks of one byte cost more than one large chunk, and not without bound.
    @Test func smallChunksCostTheirFraming() throws {
        func cost(_ body: String) throws -> Double {
            let bytes = Array(body.utf8)
            var best = Duration.seconds(100)
            for _ in 0..<12 {
                var decoder = ChunkedDecoder()
                let start = computed()
                var offset = 0
                while case .data(let range) = try decoder.next(bytes.span, from: offset) { offset = range.upperBound }
                best = min(best, computed() - start)
            }
            return best / .nanoseconds(1) / Double(bytes.count)
        }
        let tiny = try cost(Self.repeated("1\r\na\r\n", 10_000))
        let extended = try cost(Self.repeated("1;" + Self.repeated("x", 1_000) + "\r\na\r\n", 60))
        print("cost of tiny chunks: \(tiny) ns per byte, of long extensions: \(extended)")
        #expect(extended < 4 * tiny)
    }

    @Test func optionsAreCounted() throws {
        var table = FieldTable()
        func parse(_ options: [String]) throws -> RequestHead? {
            let lines = options.map { "Connection: \($0)\r\n" }.joined()
            let bytes = Array("GET / HTTP/1.1\r\nHost: a\r\n\(lines)\r\n".utf8)
            return try RequestHead.parse(bytes.span, limits: HeadLimits(), into: &table)
        }
        #expect(try parse([Self.repeated("a,", 32)]) != nil)
        #expect(try parse([Self.repeated("a,", 16), Self.repeated("close,,", 16)])?.keepsAlive == false)
        #expect(throws: Reason.tooManyOptions) { try parse([Self.repeated("a,", 33)]) }
        #expect(throws: Reason.tooManyOptions) { try parse([Self.repeated("a,", 17), Self.repeated("b,", 16)]) }
        #expect(throws: Reason.tooManyOptions) { try parse([Self.repeated("close,", 33)]) }
    }
}
