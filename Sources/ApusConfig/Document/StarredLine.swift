/// A line of a file as diagnostics quote it: the part around a column, when the line is long.
///
/// It is kept between diagnostics, since a line may be the whole file, and have thousands of mistakes.
struct StarredLine: Sendable {
    static let ellipsis: Character = "\u{2026}"

    /// After so many scalars each the place is known.
    private static let stride = 1024
    /// As many bytes are quoted before the column, and behind it.
    private static let before = 80
    private static let behind = 120

    private let text: String
    private let marks: [String.Index]
    private let count: Int
    private var isShort: Bool { text.utf8.count <= Self.before + Self.behind }

    init(_ text: String) {
        self.text = text
        var marks: [String.Index] = []
        var count = 0
        for index in text.unicodeScalars.indices {
            if count % Self.stride == 0 { marks.append(index) }
            count += 1
        }
        self.marks = marks
        self.count = count
    }

    /// The place before which `offset` scalars stand.
    private func index(_ offset: Int) -> String.Index {
        if offset >= count { return text.endIndex }
        return text.unicodeScalars.index(marks[offset / Self.stride], offsetBy: offset % Self.stride)
    }

    /// What stands around the column, with an ellipsis where it is cut, and where the column is in that.
    ///
    /// - Parameters:
    ///   - margin: as many scalars more, on both sides, are given to `change`.
    ///   - change: makes of a text another one of as many scalars.
    func excerpt(
        around column: Int, margin: Int, _ change: (String) -> String = { $0 }
    ) -> (text: String, column: Int) {
        guard !isShort else { return (change(text), column) }
        let place = min(max(column - 1, 0), count)
        let reach = max(place - Self.before, 0)..<min(place + Self.behind, count)
        let outer = max(reach.lowerBound - margin, 0)..<min(reach.upperBound + margin, count)
        let changed = change(String(text[index(outer.lowerBound)..<index(outer.upperBound)]))
        let scalars = Array(changed.unicodeScalars.dropFirst(reach.lowerBound - outer.lowerBound).prefix(reach.count))
        let split = place - reach.lowerBound
        // Of characters of several bytes there are fewer.
        let head = Self.fitting(scalars.prefix(split).reversed(), Self.before)
        let tail = Self.fitting(scalars.dropFirst(split), Self.behind)
        var shown = String.UnicodeScalarView()
        if head < place { shown.append(contentsOf: Self.ellipsis.unicodeScalars) }
        shown.append(contentsOf: scalars[(split - head)..<min(split + tail, scalars.count)])
        if place + tail < count { shown.append(contentsOf: Self.ellipsis.unicodeScalars) }
        return (String(shown), head + (head < place ? 2 : 1))
    }

    /// How many of them have no more than so many bytes.
    private static func fitting(_ scalars: some Sequence<Unicode.Scalar>, _ limit: Int) -> Int {
        var bytes = 0
        var count = 0
        for scalar in scalars {
            bytes += UTF8.width(scalar)
            if bytes > limit { break }
            count += 1
        }
        return count
    }
}
