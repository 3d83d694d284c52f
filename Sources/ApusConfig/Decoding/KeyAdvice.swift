/// What to tell somebody who wrote a key that its section does not have.
struct KeyAdvice {
    /// The key of the section that was meant, as far as that can be told.
    let meant: String?
    let text: String
    /// Whether the key is of another kind of file altogether.
    let isOfAnotherFile: Bool

    init(for key: String, among known: [String], otherwise: String? = nil) {
        var word = ForeignWord(key)
        if word?.isOfAnotherFile == true, !known.contains("listeners") { word = nil }
        isOfAnotherFile = word?.isOfAnotherFile ?? false
        if let word, let meant = word.meant(among: known) {
            self.meant = meant
            text = word.advice(meant: meant)
        } else if let near = nearest(to: key, among: known) {
            meant = near
            text = "did you mean `\(near)`?"
        } else {
            meant = nil
            text =
                Self.elsewhere(key, among: known) ?? word?.advice(meant: nil)
                ?? (otherwise.map { "\($0); " } ?? "")
                + "expected \(known.map { "`\($0)`" }.joined(separator: ", "))"
        }
    }

    /// Where a key of Apus's own stands instead; nil for others, and for those that stand in many places.
    private static func elsewhere(_ key: String, among known: [String]) -> String? {
        let places = ConfigurationSchema.places(of: key)
        let parents = places.compactMap { place in
            place.split(separator: ".").dropLast().last.map { String($0.prefix { $0 != "[" }) }
        }
        let here = known.filter(parents.contains)
        if !here.isEmpty { return "write it below \(orList(here))" }
        guard (1...3).contains(places.count) else { return nil }
        if places == [key] { return "it stands at the top of a configuration" }
        return "it stands elsewhere: \(orList(places))"
    }
}

extension ConfigurationSchema {
    /// Every key with the places where it may stand, as docs/configuration.md writes them: `pools.NAME.health`.
    private static let placesByKey: [String: [String]] = {
        var places: [String: [String]] = [:]
        func visit(_ shape: Shape, _ path: String) {
            switch shape {
            case .section(let keys):
                for key in keys {
                    let place = path.isEmpty ? key.name : "\(path).\(key.name)"
                    places[key.name, default: []].append(place)
                    visit(key.shape, place)
                }
            case .list(let item): visit(item, path + "[]")
            case .names(let shape): visit(shape, path + ".NAME")
            case .either(let shapes): for shape in shapes { visit(shape, path) }
            default: break
            }
        }
        visit(root, "")
        return places
    }()

    static func places(of key: String) -> [String] { placesByKey[key] ?? [] }
}
