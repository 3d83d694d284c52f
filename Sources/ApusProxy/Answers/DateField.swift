import ApusTransport

/// The Date field of the responses that Apus makes (RFC 9110 section 6.6.1), formatted once a second.
struct DateField {
    /// The whole line.
    private(set) var line = Array("Date: Thu, 01 Jan 1970 00:00:00 GMT\r\n".utf8)
    /// When the second that it says is over, in microseconds of the loop's clock.
    private var end = Int64.min

    /// Whether the second is over that the line says.
    func isOver(_ now: Int64) -> Bool { now >= end }

    /// Has the line say the present second.
    ///
    /// - Parameter microseconds: since 1970.
    mutating func update(now: Int64, wallClock microseconds: Int64) {
        let seconds = microseconds / 1_000_000
        end = now + 1_000_000 - microseconds % 1_000_000
        write(seconds)
    }

    private mutating func write(_ seconds: Int64) {
        let days = seconds / 86_400
        let (year, month, day) = civilDate(days)
        // 1970-01-01 was a Thursday.
        write(Self.weekdays[Int((days + 4) % 7)], at: 6)
        write(day, digits: 2, at: 11)
        write(Self.months[Int(month) - 1], at: 14)
        write(year, digits: 4, at: 18)
        let time = seconds % 86_400
        write(time / 3_600, digits: 2, at: 23)
        write(time / 60 % 60, digits: 2, at: 26)
        write(time % 60, digits: 2, at: 29)
    }

    private mutating func write(_ text: String, at offset: Int) {
        for (index, byte) in text.utf8.enumerated() { line[offset + index] = byte }
    }

    private mutating func write(_ value: Int64, digits: Int, at offset: Int) {
        var rest = value
        for index in stride(from: offset + digits - 1, through: offset, by: -1) {
            line[index] = UInt8(truncatingIfNeeded: 0x30 + rest % 10)
            rest /= 10
        }
    }

    private static let weekdays = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"]
    private static let months = [
        "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
    ]
}
