import ApusHTTP
import Testing

/// What servers may read in a path.
@Suite struct PathReadingsTests {
    /// The readings of a path, without those that come twice; `-` for one that leads above the root.
    @Test(arguments: [
        ("/a/b.c", ["/a/b.c"]), ("*", ["*"]), ("", [""]), ("/", ["/"]), ("/a/", ["/a/"]), ("/%61", ["/a"]),
        ("/a%20b", ["/a%20b"]), ("/%c3%a9", ["/%C3%A9"]), ("/a..b/...", ["/a..b/..."]),
        ("/.well-known", ["/.well-known"]),
        ("//admin", ["//admin", "/admin"]), ("/a//", ["/a//", "/a/"]), ("//", ["//", "/"]),
        ("/admin%2fx", ["/admin%2Fx", "/admin/x"]), ("/admin%5cx", ["/admin%5Cx", "/admin/x"]),
        ("/admin\\x", ["/admin\\x", "/admin/x"]), ("/\\admin", ["/\\admin", "//admin", "/admin"]),
        ("/admin;x/y", ["/admin;x/y", "/admin/y"]), ("/admin%3bx/y", ["/admin%3Bx/y", "/admin/y"]),
        ("/;/admin", ["/;/admin", "//admin", "/admin"]), ("/a/../admin", ["/admin", "/a/../admin"]),
        ("/a/./b", ["/a/b", "/a/./b"]), ("/admin/.", ["/admin/", "/admin/."]), ("/.%2e/a", ["-", "/../a"]),
        ("/..;/admin", ["/..;/admin", "-", "/../admin"]),
        ("/x%2f..%2fadmin", ["/x%2F..%2Fadmin", "/admin", "/x/../admin"]),
        ("/x;/../admin", ["/admin", "/x;/../admin", "/x/../admin"]),
        ("/x;/%2e%2e/admin", ["/admin", "/x;/../admin", "/x/../admin"]),
        // What is cut ends at a slash that is written as one, or at one that is decoded.
        ("/a;b%2fc", ["/a;b%2Fc", "/a;b/c", "/a", "/a/c"]),
        ("/a\\b%5cc", ["/a\\b%5Cc", "/a/b%5Cc", "/a/b/c"]),
        // Decoding twice, and bytes that are no UTF-8, are no usual reading.
        ("/a%252fb", ["/a%252fb"]), ("/a%c0%afb", ["/a%C0%AFb"]), ("/a%3fb%23c", ["/a%3Fb%23c"]),
    ])
    func areThese(path: String, expected: [String]) {
        let bytes = Array(path.utf8)
        let readings = PathReadings(PathOddities(bytes.span))
        var seen: [String] = []
        for number in 0..<readings.count {
            let text = (try? readings[number].of(bytes)).map { String(decoding: $0, as: UTF8.self) } ?? "-"
            if !seen.contains(text) { seen.append(text) }
        }
        #expect(seen.first == expected.first)
        #expect(Set(seen) == Set(expected))
    }

    @Test(arguments: ["/%00", "/a%0d%0ab", "/%1F", "/x/%7f", "/a;%01", "/%2f%00"])
    func escapesOfControlCharactersAreFound(path: String) {
        let oddities = PathOddities(Array(path.utf8).span)
        #expect(oddities.contains(.control))
    }

    @Test(arguments: ["/%20", "/%80", "/%0", "/%g0", "/%2500", "/%", "/%21"])
    func otherEscapesAreNone(path: String) {
        let oddities = PathOddities(Array(path.utf8).span)
        #expect(!oddities.contains(.control))
    }

    /// By chance, against a model that is made of lists: each reading is what it says, and none that could be made is
    /// missing among those that are compared.
    @Test func noneIsMissing() {
        let pieces = [
            "/", "/", "/", ".", "..", "%2e", "%2F", "%2f", "\\", "%5c", ";", "%3b", "a", "%61", "%7E", "%c3", "%", "%2",
            "%252f", "bc",
        ]
        var generator = SystemRandomNumberGenerator()
        let all = PathReading.all
        for _ in 0..<6_000 {
            let path =
                "/" + (0..<Int.random(in: 0...9)).map { _ in pieces.randomElement(using: &generator) ?? "" }.joined()
            let bytes = Array(path.utf8)
            var possible: Set<String> = []
            for reading in all {
                let expected = model(path, reading)
                let made = (try? reading.of(bytes)).map { String(decoding: $0, as: UTF8.self) }
                #expect(made == expected, "\(path) as \(reading)")
                possible.insert(expected ?? "-")
            }
            let readings = PathReadings(PathOddities(bytes.span))
            let compared = Set((0..<readings.count).map { model(path, readings[$0]) ?? "-" })
            #expect(compared == possible, "\(path)")
            #expect((readings.count > 1) == (possible.count > 1), "\(path)")
            #expect(readings[0] == .normal)
        }
    }

    @Test func thereAreNeverMoreThanABound() {
        let every = PathReadings(PathOddities(rawValue: .max))
        #expect(every.count == 72)
        #expect(!every.areFew(pathCount: 10))
        let four = PathReadings([.emptySegment, .dotSegment])
        #expect(four.count == 4)
        #expect(four.areFew(pathCount: 4096))
        #expect(!four.areFew(pathCount: 4097))
    }

    // MARK: The model

    /// One character of a path: itself, or an escape.
    private struct Unit: Equatable {
        var text: String
        var isEscape: Bool
    }

    private func model(_ path: String, _ reading: PathReading) -> String? {
        guard path.hasPrefix("/") else { return path }
        var path = path
        if reading.parameters == .cut {
            path = path.split(separator: "/", omittingEmptySubsequences: false)
                .map { $0.prefix { $0 != ";" } }.joined(separator: "/")
        }
        var segments = units(path).split(omittingEmptySubsequences: false) { isSlash($0, reading) }.map { Array($0) }
        if reading.parameters == .cutDecoded {
            segments = segments.map { Array($0.prefix { $0.text != ";" && $0.text != "%3B" }) }
        }
        var names = segments.map { $0.map(\.text).joined() }.dropFirst().map { $0 }
        if reading.mergesSlashes { names = names.dropLast().filter { !$0.isEmpty } + names.suffix(1) }
        if reading.resolvesDots {
            var resolved: [String] = []
            for (index, name) in names.enumerated() {
                if name == ".." {
                    guard !resolved.isEmpty else { return nil }
                    resolved.removeLast()
                } else if name != "." {
                    resolved.append(name)
                }
                if name == "." || name == "..", index == names.count - 1 { resolved.append("") }
            }
            names = resolved
        }
        return "/" + names.joined(separator: "/")
    }

    private func isSlash(_ unit: Unit, _ reading: PathReading) -> Bool {
        switch unit.text {
        case "/": true
        case "\\": reading.backslashes != .characters
        case "%2F": reading.decodesSlashes
        case "%5C": reading.backslashes == .slashesDecoded
        default: false
        }
    }

    private func units(_ path: String) -> [Unit] {
        var units: [Unit] = []
        var rest = path[...]
        while let first = rest.first {
            let digits = rest.dropFirst().prefix(2)
            guard first == "%", digits.count == 2, let value = UInt8(digits, radix: 16), digits.first != "+" else {
                units.append(Unit(text: String(first), isEscape: false))
                rest = rest.dropFirst()
                continue
            }
            let character = Character(UnicodeScalar(value))
            let isUnreserved =
                character.isASCII && (character.isLetter || character.isNumber || "-._~".contains(character))
            units.append(Unit(text: isUnreserved ? String(character) : "%" + digits.uppercased(), isEscape: true))
            rest = rest.dropFirst(3)
        }
        return units
    }
}

extension PathReading {
    /// Every one that could be put together.
    fileprivate static var all: [PathReading] {
        var all: [PathReading] = []
        for backslashes in [Backslashes.characters, .slashes, .slashesDecoded] {
            for parameters in [Parameters.kept, .cut, .cutDecoded] {
                for bits in 0..<8 {
                    var reading = PathReading()
                    reading.backslashes = backslashes
                    reading.parameters = parameters
                    reading.decodesSlashes = bits & 1 != 0
                    reading.mergesSlashes = bits & 2 != 0
                    reading.resolvesDots = bits & 4 == 0
                    all.append(reading)
                }
            }
        }
        return all
    }
}
