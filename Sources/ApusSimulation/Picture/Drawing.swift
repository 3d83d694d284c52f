/// A drawing in SVG that is legible on light and on dark pages: it brings its own background, and follows the reader's
/// preference.
struct Drawing {
    let width: Int
    let height: Int
    private var elements = ""

    init(width: Int, height: Int) {
        self.width = width
        self.height = height
    }

    struct Point {
        var x: Double
        var y: Double
    }

    enum Anchor: String {
        case start, middle, end
    }

    mutating func text(
        _ text: String, at point: Point, style: String = "", anchor: Anchor = .start, color: String? = nil,
        isVertical: Bool = false
    ) {
        let turn = isVertical ? " transform=\"rotate(-90 \(number(point.x)) \(number(point.y)))\"" : ""
        let classes = [style, color.map { "fill-\($0)" } ?? ""].filter { !$0.isEmpty }.joined(separator: " ")
        let name = classes.isEmpty ? "" : " class=\"\(classes)\""
        elements += """
            <text x="\(number(point.x))" y="\(number(point.y))" text-anchor="\(anchor.rawValue)"\(name)\(turn)>\
            \(escaped(text))</text>\n
            """
    }

    mutating func line(from: Point, to: Point, style: String) {
        elements += """
            <line x1="\(number(from.x))" y1="\(number(from.y))" x2="\(number(to.x))" y2="\(number(to.y))" \
            class="\(style)"/>\n
            """
    }

    /// A line through the points; several where points are missing.
    mutating func curve(_ points: [Point?], color: String, style: String = "curve") {
        for part in points.split(whereSeparator: { $0 == nil }) {
            let path = part.compactMap { $0 }.map { "\(number($0.x)),\(number($0.y))" }.joined(separator: " ")
            elements += "<polyline points=\"\(path)\" class=\"\(style) stroke-\(color)\"/>\n"
        }
    }

    mutating func area(_ outline: [Point], color: String, opacity: Double) {
        let path = outline.map { "\(number($0.x)),\(number($0.y))" }.joined(separator: " ")
        elements += """
            <polygon points="\(path)" class="area fill-\(color)" fill-opacity="\(opacity.text)"/>\n
            """
    }

    mutating func dot(at point: Point, color: String) {
        elements += """
            <circle cx="\(number(point.x))" cy="\(number(point.y))" r="5" class="fill-\(color)"/>\n
            """
    }

    func document(title: String) -> String {
        """
        <svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 \(width) \(height)" width="\(width)" height="\(height)" \
        role="img" aria-label="\(escaped(title))">
        <title>\(escaped(title))</title>
        <style>
        \(Self.style)
        </style>
        <rect width="\(width)" height="\(height)" rx="6" class="paper"/>
        \(elements)</svg>

        """
    }

    /// The colours on light and on dark paper: those of Okabe and Ito, which people who see few colours can tell apart.
    private static let palette: [(name: String, light: String, dark: String)] = [
        ("blue", "#0072b2", "#4aa3e0"), ("red", "#c7402b", "#ff7b61"), ("sky", "#56b4e9", "#7cc7f2"),
        ("green", "#009e73", "#2fc497"), ("amber", "#d18f00", "#e9b13c"), ("rose", "#b5588f", "#dd8abb"),
        ("slate", "#6b7785", "#8d99a8"), ("olive", "#8a8a00", "#c0c04a"),
    ]

    private static func colors(isDark: Bool) -> String {
        let ink = isDark ? "#e6edf3" : "#1f2328"
        let faint = isDark ? "#9198a1" : "#59636e"
        let grid = isDark ? "#232a33" : "#e4e7eb"
        let paper = isDark ? "#0d1117" : "#ffffff"
        let frame = isDark ? "#4a525c" : "#afb8c1"
        let plain = """
            text { fill: \(ink); } .faint, .small { fill: \(faint); } .paper { fill: \(paper); stroke: \(grid); }
            .grid { stroke: \(grid); } .frame { stroke: \(frame); } .event { stroke: \(faint); }
            .area { stroke: \(paper); }

            """
        return plain
            + palette.map { color in
                let value = isDark ? color.dark : color.light
                return ".fill-\(color.name) { fill: \(value); } .stroke-\(color.name) { stroke: \(value); }\n"
            }.joined()
    }

    // No variables of CSS: not every program that shows pictures knows them.
    private static let style = """
        text { font: 12px system-ui, -apple-system, "Segoe UI", "DejaVu Sans", sans-serif; }
        .title { font-size: 15px; font-weight: 600; }
        .small { font-size: 11px; }
        .label { font-weight: 600; }
        .event { stroke-dasharray: 4 3; }
        .curve { fill: none; stroke-width: 1.8; stroke-linejoin: round; }
        .area { stroke-width: 0.6; }
        \(colors(isDark: false))@media (prefers-color-scheme: dark) {
        \(colors(isDark: true))}
        """
}

private func number(_ value: Double) -> String {
    let tenths = Int((value * 10).rounded())
    return tenths % 10 == 0 ? "\(tenths / 10)" : "\(tenths < 0 ? "-" : "")\(abs(tenths) / 10).\(abs(tenths) % 10)"
}

private func escaped(_ text: String) -> String {
    var result = ""
    for character in text {
        switch character {
        case "&": result += "&amp;"
        case "<": result += "&lt;"
        case ">": result += "&gt;"
        case "\"": result += "&quot;"
        default: result.append(character)
        }
    }
    return result
}
