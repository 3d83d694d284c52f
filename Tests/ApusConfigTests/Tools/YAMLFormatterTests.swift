import ApusConfig
import Foundation
import Testing
import Yams

/// The one layout of a file, and that nothing but the layout changes.
@Suite struct YAMLFormatterTests {
    @Test func everythingThatIsLayoutBecomesTheSame() throws {
        let text = """


            # A comment at the top.
            listeners:
            -   bind :   127.0.0.1:8080     # the edge
                name: web  # two
                routes:
                      - {host: a.example.com,path: "/v1/*" ,pool: web}
                      # The rest.
                      -   { pool : web , }



            pools:
                web: &defaults
                    endpoints: [ 127.0.0.1:3001,127.0.0.1:3002 , {address: "127.0.0.1:3003", weight: 3} ]
                    health: {}
                # About api.
                api:
                    <<:   *defaults
                    endpoints:
                    - 127.0.0.1:3004
                # At the end.

            """
        #expect(
            try YAMLFormatter.format(text, file: "a.yaml") == """
                # A comment at the top.
                listeners:
                  - bind: 127.0.0.1:8080  # the edge
                    name: web  # two
                    routes:
                      - { host: a.example.com, path: "/v1/*", pool: web }
                      # The rest.
                      - { pool: web }

                pools:
                  web: &defaults
                    endpoints: [127.0.0.1:3001, 127.0.0.1:3002, { address: "127.0.0.1:3003", weight: 3 }]
                    health: {}
                  # About api.
                  api:
                    <<: *defaults
                    endpoints:
                      - 127.0.0.1:3004
                  # At the end.

                """)
    }

    @Test func linesWithinBracketsKeepTheirPlaces() throws {
        try expect(
            """
            pools:
             web:
              endpoints: [
                    127.0.0.1:3001,   # one

                  {address: 127.0.0.1:3002,
                  weight: 3}, # two
               # Nobody.
              ]
              body: "a
                  b"
            """,
            """
            pools:
              web:
                endpoints: [
                  127.0.0.1:3001,  # one

                  { address: 127.0.0.1:3002,
                    weight: 3 },  # two
                  # Nobody.
                ]
                body: "a
                  b"

            """)
    }

    @Test func theTextOfScalarsStays() throws {
        try expect(
            """
            a:
                  body: |
                        # no comment
                          further in

                        end

                  kept: |+
                     x


                  digit: |4-
                           in
                  folded: >-
                   one
                   two # not a comment
                  plain: one
                     two

                     three
                  last:  'it''s: {x}'   # said
            """,
            """
            a:
              body: |
                # no comment
                  further in

                end

              kept: |+
                x


              digit: |2-
                     in
              folded: >-
                one
                two # not a comment
              plain: one
                two

                three
              last: 'it''s: {x}'  # said

            """)
    }

    @Test func commentsInColumnsStayInColumns() throws {
        try expect(
            """
            timeouts:
                idle: 75s          # one
                connect:    3s     # two
                body: 30s # three
            """,
            """
            timeouts:
              idle: 75s    # one
              connect: 3s  # two
              body: 30s  # three

            """)
    }

    @Test func listsInListsAndKeysWithAliases() throws {
        try expect(
            """
            ---
            a: &x   one
            b:
            -   - 1
                -  2
            -   k:   v
                *x : w
            - !!str   3
            """,
            """
            ---
            a: &x one
            b:
              - - 1
                - 2
              - k: v
                *x : w
              - !!str 3

            """)
    }

    @Test(arguments: [
        "? a\n: b\n", "%YAML 1.2\n---\na: b\n", "a: [1\n", "a:\n\t- b\n", "a: b: c\n", "a: 1\na: 2\n", "--- a\n",
    ])
    func whatItCannotTakeApartIsRefused(text: String) {
        #expect(throws: ConfigurationErrors.self) { try YAMLFormatter.format(text, file: "a.yaml") }
    }

    @Test func aRefusalDoesNotTellSecrets() {
        let error = #expect(throws: ConfigurationErrors.self) {
            try YAMLFormatter.format("sticky: { secret: hunter2hunter2 }\n? a\n: b\n", file: "a.yaml")
        }
        #expect(error.map { !"\($0)".contains("hunter") } ?? false)
    }

    @Test(arguments: ["", "\n\n", "# only\n\n\n#  comments\n"])
    func filesThatSayNothing(text: String) throws {
        let formatted = try YAMLFormatter.format(text, file: "a.yaml")
        #expect(formatted == (text.contains("#") ? "# only\n\n#  comments\n" : ""))
    }

    @Test func otherLineBreaksBecomeOneKind() throws {
        #expect(try YAMLFormatter.format("a: 1\r\nb:\r\n- 2\r\n", file: "a.yaml") == "a: 1\nb:\n  - 2\n")
    }

    @Test(arguments: try GoldenTests.files(ending: ".yaml"))
    func goldenFilesKeepTheirMeaning(file: String) throws {
        let text = try String(contentsOf: GoldenTests.folder.appending(path: file), encoding: .utf8)
        guard let formatted = try? YAMLFormatter.format(text, file: file) else {
            #expect(file.hasPrefix("bad"), "a good file is formatted")
            return
        }
        #expect(try YAMLFormatter.format(formatted, file: file) == formatted)
        #expect(try compose(yaml: formatted) == compose(yaml: text))
        #expect(substance(formatted) == substance(text))
    }

    @Test func whatIsWrittenAtRandomKeepsItsMeaning() throws {
        var documents = 0
        for seed in 0..<1_000 {
            var writer = RandomYAML(seed: UInt64(seed))
            let text = writer.document()
            // Some are no YAML after all, such as an alias within what it repeats.
            guard let meaning = try? compose(yaml: text) else { continue }
            documents += 1
            do {
                let formatted = try YAMLFormatter.format(text, file: "seed-\(seed)")
                #expect(try compose(yaml: formatted) == meaning, "seed \(seed)")
                #expect(try YAMLFormatter.format(formatted, file: "again") == formatted, "seed \(seed)")
                #expect(substance(formatted) == substance(text), "seed \(seed)")
            } catch {
                Issue.record("seed \(seed) was refused: \(error)\n\(text)")
            }
        }
        #expect(documents > 500)
    }

    private func expect(_ text: String, _ expected: String) throws {
        let formatted = try YAMLFormatter.format(text, file: "a.yaml")
        #expect(formatted == expected)
        #expect(try YAMLFormatter.format(expected, file: "a.yaml") == expected)
        #expect(try compose(yaml: formatted) == compose(yaml: text))
    }

    /// What the layout leaves as it is: everything but blanks, commas at ends, and the digits of block scalars' headers.
    private func substance(_ text: String) -> String {
        String(text.filter { !$0.isWhitespace && $0 != "," && !$0.isNumber })
    }
}
