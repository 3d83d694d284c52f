import Testing

@testable import ApusConfig

@Suite struct QuantityTests {
    @Test(arguments: [
        ("1ms", Duration.milliseconds(1)), ("5s", .seconds(5)), ("1.5s", .milliseconds(1500)), ("2m", .seconds(120)),
        ("1h", .seconds(3600)), ("1m30s", .seconds(90)), ("1h0m0.25s", .milliseconds(3_600_250)), ("0s", .zero),
        ("0.000001s", .microseconds(1)), ("999999999999h", .seconds(3600 * 999_999_999_999)),
    ])
    func readsDurations(text: String, expected: Duration) throws {
        #expect(try Duration(configured: text) == expected)
    }

    @Test(arguments: [
        "", "s", "5", "5 s", "-5s", "+5s", "5s ", "5.s", ".5s", "1.2.3s", "5S", "5sec", "1m30", "5s,", "٥s",
        "1000000000000s",
    ])
    func refusesDurations(text: String) {
        #expect(throws: QuantityError.self) { try Duration(configured: text) }
    }

    @Test(arguments: [
        (Duration.milliseconds(1), "1ms"), (.milliseconds(1500), "1500ms"), (.seconds(90), "90s"),
        (.seconds(120), "2m"),
        (.seconds(86_400), "24h"), (.zero, "0s"),
    ])
    func writesDurations(duration: Duration, text: String) throws {
        #expect(duration.configured == text)
        #expect(try Duration(configured: text) == duration)
    }

    @Test(arguments: [
        ("512B", 512), ("64KiB", 65_536), ("64kib", 65_536), ("10MB", 10_000_000), ("1.5KB", 1500), ("1GiB", 1 << 30),
        ("0B", 0), ("999999999999GiB", Int.max),
    ])
    func readsSizes(text: String, expected: Int) throws {
        #expect(try ByteSize.read(text) == expected)
    }

    @Test(arguments: ["", "64", "64K", "64 KiB", "-1B", "KiB", "1KiB1B", "1TB"])
    func refusesSizes(text: String) {
        #expect(throws: QuantityError.self) { try ByteSize.read(text) }
    }

    @Test(arguments: [
        (0, "0B"), (1000, "1000B"), (1024, "1KiB"), (65_536, "64KiB"), (3 << 20, "3MiB"), (1 << 40, "1024GiB"),
    ])
    func writesSizes(bytes: Int, text: String) {
        #expect(ByteSize.write(bytes) == text)
    }
}

@Suite struct SuggestionTests {
    @Test(arguments: [
        ("weigth", "weight"), ("Weight", "weight"), ("request-head", "request_head"), ("requestHead", "request_head"),
        ("endpoint", "endpoints"), ("enpdoints", "endpoints"), ("banlace", "balance"),
    ])
    func findsWhatWasMeant(word: String, expected: String) {
        let words = ["balance", "endpoints", "request_head", "weight"]
        #expect(nearest(to: word, among: words) == expected)
    }

    @Test(arguments: ["", "x", "server", "heights_of_weight", "wait"])
    func findsNothingFarFetched(word: String) {
        #expect(nearest(to: word, among: ["balance", "endpoints", "request_head", "weight"]) == nil)
    }

    @Test func theNearestWins() {
        #expect(nearest(to: "max_idel", among: ["max", "max_idle", "idle"]) == "max_idle")
    }
}
