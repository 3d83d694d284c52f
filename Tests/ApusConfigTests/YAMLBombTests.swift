import ApusConfig
import ApusModel
import Testing

/// Texts that are small and could become large, or deep.
@Suite struct YAMLBombTests {
    private func refusal(_ text: String) -> [String] {
        do {
            _ = try ConfigurationLoader(resolve: { _ in [] }).load(text: text, file: "a.yaml")
            return []
        } catch {
            return error.diagnostics.map(\.message)
        }
    }

    @Test func aliasesOfAliasesAreCounted() {
        let lines = (1..<12).map { number in
            "a\(number): &a\(number) [\(Array(repeating: "*a\(number - 1)", count: 9).joined(separator: ","))]"
        }
        let text = (["a0: &a0 [x]"] + lines).joined(separator: "\n")
        #expect(refusal(text).contains { $0.contains("more than 1000000 values") || $0.contains("anchors") })
    }

    /// A value that stands in the next one, which stands in the next: letting go of them recurses.
    @Test(arguments: ["[*x@]", "{k: *x@}", "[[[[[[*x@]]]]]]"])
    func chainsOfAliasesAreBounded(_ link: String) {
        let links = (1...60_000).map { "&x\($0) " + link.replacing("@", with: "\($0 - 1)") }
        #expect(refusal("a: [&x0 b, \(links.joined(separator: ", "))]").contains { $0.contains("anchors") })
        let block = (1...60_000).map { "a\($0): &x\($0)\n  - *x\($0 - 1)" }
        #expect(refusal("a0: &x0 b\n" + block.joined(separator: "\n")).contains { $0.contains("anchors") })
    }

    @Test func manyValuesAreRefusedBeforeTheyAreMade() {
        let texts = [
            "a: [" + String(repeating: "a,", count: 2_000_001) + "]", String(repeating: "- a\n", count: 1_000_001),
        ]
        for text in texts {
            #expect(refusal(text) == ["the file holds more than 1000000 values; a configuration needs far fewer"])
        }
    }

    @Test func anchorsOfAnOrdinaryFileAreFine() throws {
        let defaults = (0..<40).map { "    p\($0): &p\($0) { <<: *d, endpoints: [127.0.0.1:\($0 + 1)] }" }
        let text = """
            listeners: [{ bind: 127.0.0.1:8080, routes: [{ pool: p0 }] }]
            pools:
                base: &d { balance: random, endpoints: [127.0.0.1:9999] }
            \(defaults.joined(separator: "\n"))
            """
        #expect(
            try ConfigurationLoader(resolve: { _ in [] }).load(text: text, file: "a.yaml").snapshot.pools.count == 41)
    }
}
