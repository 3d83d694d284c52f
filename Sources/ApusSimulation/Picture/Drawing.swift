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
        let fill = color.map { " style=\"fill:var(--\($0))\"" } ?? ""
        let turn = isVertical ? " transform=\"rotate(-90 \(number(point.x)) \(number(point.y)))\"" : ""
        let name = style.isEmpty ? "" : " class=\"\(style)\""
        elements += """
            <text x="\(number(point.x))" y="\(number(point.y))" text-anchor="\(anchor.rawValue)"\(name)\(fill)\(turn)>\
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
            elements += "<polyline points=\"\(path)\" class=\"\(style)\" style=\"stroke:var(--\(color))\"/>\n"
        }
    }

    mutating func area(_ outline: [Point], color: String, opacity: Double) {
        let path = outline.map { "\(number($0.x)),\(number($0.y))" }.joined(separator: " ")
        elements += """
            <polygon points="\(path)" class="area" style="fill:var(--\(color));fill-opacity:\(opacity.text)"/>\n
            """
    }

    mutating func bar(at point: Point, width: Double, height: Double, color: String) {
        elements += """
            <rect x="\(number(point.x))" y="\(number(point.y))" width="\(number(max(0, width)))" \
            height="\(number(height))" rx="1.5" style="fill:var(--\(color))"/>\n
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

    /// The colours are those of Okabe and Ito, which people who see few colours can tell apart, lighter on dark.
    private static let style = """
        svg { --paper:#ffffff; --ink:#1f2328; --faint:#656d76; --grid:#e4e7eb; --frame:#afb8c1;
          --blue:#0072b2; --red:#c7402b; --sky:#56b4e9; --green:#009e73; --amber:#d18f00; --rose:#b5588f;
          --slate:#6b7785; --olive:#8a8a00; --edge:#ffffff; }
        @media (prefers-color-scheme: dark) {
          svg { --paper:#0d1117; --ink:#e6edf3; --faint:#9198a1; --grid:#232a33; --frame:#4a525c;
            --blue:#4aa3e0; --red:#ff7b61; --sky:#7cc7f2; --green:#2fc497; --amber:#e9b13c; --rose:#dd8abb;
            --slate:#8d99a8; --olive:#c0c04a; --edge:#0d1117; }
        }
        text { font: 12px system-ui, -apple-system, "Segoe UI", "DejaVu Sans", sans-serif; fill: var(--ink); }
        .title { font-size: 15px; font-weight: 600; }
        .faint { fill: var(--faint); }
        .small { font-size: 11px; fill: var(--faint); }
        .label { font-weight: 600; }
        .paper { fill: var(--paper); stroke: var(--grid); }
        .grid { stroke: var(--grid); }
        .frame { stroke: var(--frame); }
        .event { stroke: var(--faint); stroke-dasharray: 4 3; }
        .curve { fill: none; stroke-width: 1.8; stroke-linejoin: round; }
        .area { stroke: var(--edge); stroke-width: 0.6; }
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
