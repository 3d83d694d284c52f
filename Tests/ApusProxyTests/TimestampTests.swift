import Testing

@testable import ApusProxy

@Suite struct TimestampTests {
    @Test(arguments: [
        (0, 1970, 1, 1), (58, 1970, 2, 28), (59, 1970, 3, 1), (11_016, 2000, 2, 29), (11_017, 2000, 3, 1),
        (19_782, 2024, 2, 29), (20_779, 2026, 11, 22), (47_540, 2100, 2, 28), (47_541, 2100, 3, 1),
    ])
    func daysAreDates(days: Int64, year: Int64, month: Int64, day: Int64) {
        #expect(civilDate(days) == (year, month, day))
    }
}
