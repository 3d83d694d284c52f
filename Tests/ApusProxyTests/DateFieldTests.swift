import Testing

@testable import ApusProxy

@Suite struct DateFieldTests {
    @Test(arguments: [
        (0, "Thu, 01 Jan 1970 00:00:00 GMT"), (784_111_777, "Sun, 06 Nov 1994 08:49:37 GMT"),
        (951_827_696, "Tue, 29 Feb 2000 12:34:56 GMT"), (1_767_225_599, "Wed, 31 Dec 2025 23:59:59 GMT"),
    ])
    func secondsAreDates(seconds: Int64, text: String) {
        var field = DateField()
        field.update(now: 0, wallClock: seconds * 1_000_000 + 5)
        #expect(field.line == Array("Date: \(text)\r\n".utf8))
    }

    /// What was formatted holds until its second is over, and not longer.
    @Test func aSecondIsFormattedOnce() {
        var field = DateField()
        for (now, isOver) in [
            (1_000, true), (1_001, false), (300_999, false), (301_000, true), (1_300_999, false), (1_301_000, true),
        ] {
            #expect(field.isOver(Int64(now)) == isOver, "\(now)")
            if isOver { field.update(now: Int64(now), wallClock: 699_000 + Int64(now) + 1_000_000) }
        }
    }
}
