// How numbers and times are written, for people; without Foundation, so that the same run prints the same bytes
// everywhere.

extension Double {
    /// With so many digits behind the point, and commas between thousands.
    func text(digits: Int) -> String {
        var scale = 1
        for _ in 0..<digits { scale *= 10 }
        let scaled = Int((magnitude * Double(scale)).rounded())
        let sign = self < 0 && scaled > 0 ? "-" : ""
        guard digits > 0 else { return sign + scaled.text }
        let fraction = String(scaled % scale)
        return sign + (scaled / scale).text + "." + String(repeating: "0", count: digits - fraction.count) + fraction
    }

    /// With as many digits behind the point as it has, three at most.
    var text: String {
        var text = text(digits: 3)
        while text.hasSuffix("0") { text.removeLast() }
        if text.hasSuffix(".") { text.removeLast() }
        return text
    }
}

extension Int {
    /// With commas between thousands.
    var text: String {
        var text = ""
        for (place, digit) in String(magnitude).reversed().enumerated() {
            if place > 0, place % 3 == 0 { text.append(",") }
            text.append(digit)
        }
        return (self < 0 ? "-" : "") + String(text.reversed())
    }
}

extension VirtualTime {
    /// A moment: `3:00.4`, `1:03:00.4`.
    var momentText: String {
        let tenths = (self + 50_000) / 100_000
        let seconds = tenths / 10
        func two(_ number: Int64) -> String { number < 10 ? "0\(number)" : "\(number)" }
        let rest = "\(two(seconds % 60)).\(tenths % 10)"
        let minutes = seconds / 60
        return minutes < 60 ? "\(minutes):\(rest)" : "\(minutes / 60):\(two(minutes % 60)):\(rest)"
    }

    /// A length of time, as it is written on the command line: `10m`, `1m30s`, `250us`.
    var durationText: String {
        guard self != 0 else { return "0s" }
        let units: [(Int64, String)] = [
            (3_600_000_000, "h"), (60_000_000, "m"), (1_000_000, "s"), (1000, "ms"), (1, "us"),
        ]
        var rest = self
        var text = ""
        for (length, unit) in units where rest >= length {
            text += "\(rest / length)\(unit)"
            rest %= length
        }
        return text
    }

    /// The same for something measured, to a tenth of a second, or to a millisecond below one.
    var roughDurationText: String {
        let step: VirtualTime = self < 1_000_000 ? 1000 : 100_000
        return ((self + step / 2) / step * step).durationText
    }

    /// In milliseconds, with as many digits as mean something.
    var millisecondsText: String {
        let milliseconds = Double(self) / 1000
        return milliseconds.text(digits: milliseconds < 10 ? 2 : milliseconds < 100 ? 1 : 0)
    }
}
