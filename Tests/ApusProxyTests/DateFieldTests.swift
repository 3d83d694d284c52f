import Testing

@testable import ApusProxy

@Suite struct DateFieldTests {
    @Test(arguments: [
        (0, "Thu, 01 Jan 1970 00:00:00 GMT"), (784_111_777, "Sun, 06 Nov 1994 08:49:37 GMT"),
        (951_827_696, "Tue, 29 Feb 2000 12:34:56 GMT"), (1_767_225_599, "Wed, 31 Dec 2025 23:59:59 GMT"),
    ])
    func secondsAreDates(seconds: Int64, text: String) {
        var field = DateField()
        field.update(now: 0) { seconds * 1_000_000 + 5 }
        #expect(field.line == Array("Date: \(text)\r\n".utf8))
    }

    /// The clock is asked again when its second is over, and not before.
    @Test func aSecondIsFormattedOnce() {
        var field = DateField()
        var asked = 0
        for (now, count) in [(1_000, 1), (1_001, 1), (300_999, 1), (301_000, 2), (1_300_999, 2), (1_301_000, 3)] {
            field.update(now: Int64(now)) {
                asked += 1
                return 699_000 + Int64(now) + 1_000_000
            }
            #expect(asked == count, "\(now)")
        }
    }
}
