/// Rows of text in columns, as wide as the terminal lets them be.
struct Table {
    struct Column {
        var title: String
        /// Numbers end where the column does; names begin where it does, and are cut where there is no room.
        var isNumber = true
    }

    var columns: [Column]
    var rows: [[String]] = []

    /// The lines: titles, and as many rows as there is room for; what is left out is counted in the last of them. Names
    /// share what the numbers leave; no line is longer than `width`.
    func lines(width: Int, height: Int) -> [String] {
        guard height >= 2, !rows.isEmpty else { return [] }
        let isCut = rows.count > height - 1
        let shown = isCut ? Array(rows.prefix(max(0, height - 2))) : rows
        let widths = widths(of: shown, within: width)
        var lines = [line(columns.map(\.title), widths)]
        lines += shown.map { line($0, widths) }
        if isCut { lines.append("  and \(rows.count - shown.count) more") }
        return lines.map { String($0.prefix(width)) }
    }

    private func widths(of shown: [[String]], within width: Int) -> [Int] {
        var widths = columns.indices.map { column in
            ([columns[column].title] + shown.map { $0[column] }).map(\.count).max() ?? 0
        }
        // The widest name gives first.
        while widths.reduce(0, +) + 2 * (widths.count - 1) > width {
            let names = columns.indices.filter { !columns[$0].isNumber && widths[$0] > 6 }
            guard let widest = names.max(by: { widths[$0] < widths[$1] }) else { break }
            widths[widest] -= 1
        }
        return widths
    }

    private func line(_ cells: [String], _ widths: [Int]) -> String {
        let padded = columns.indices.map { column in
            let cell = cells[column]
            let width = widths[column]
            let blanks = String(repeating: " ", count: max(0, width - cell.count))
            guard !columns[column].isNumber else { return blanks + cell }
            return cell.count > width ? cell.prefix(width - 1) + "…" : cell + blanks
        }
        var line = padded.joined(separator: "  ")
        while line.last == " " { line.removeLast() }
        return line
    }
}
