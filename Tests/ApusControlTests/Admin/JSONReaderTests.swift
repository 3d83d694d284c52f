import Foundation
import Testing

@testable import ApusControl

@Suite struct JSONReaderTests {
    @Test(arguments: [
        "null", "true", "-0", "12", "-3.5", "\"\"", "[]", "{}", " [1, \"a\", {\"b\": [null]}]\n",
        #""\" \\ \/ \b \f \n \r \t \u00e9 \ud83d\ude00 é""#,
    ])
    func readsWhatTheSystemReads(text: String) throws {
        #expect(try JSONReader.value(of: text) == JSONDecoder().decode(JSONValue.self, from: Data(text.utf8)))
    }

    @Test(arguments: [
        ("", "line 1, column 1: found the end, expected a value"),
        ("{\"weight\": 3", "line 1, column 13: found the end, expected `,` or `}`"),
        ("{\n  weight: 3\n}", "line 2, column 3: found `w`, expected a key in double quotes"),
        ("{\"a\": 1,\n \"b\" }", "line 2, column 6: found `}`, expected `:`"),
        ("{\"a\": 1, \"a\": 2}", "line 1, column 10: found `\"`, expected each key once"),
        ("[1 2]", "line 1, column 4: found `2`, expected `,` or `]`"),
        ("01", "line 1, column 1: found `0`, expected a number such as `3`"),
        ("--1", "line 1, column 1: found `-`, expected a number such as `3`"),
        ("1.", "line 1, column 1: found `1`, expected a number such as `3`"),
        ("nul", "line 1, column 1: found `n`, expected a value"),
        ("1 1", "line 1, column 3: found `1`, expected the end"),
        ("\"a", "line 1, column 3: found the end, expected `\"`"),
        (#""\x""#, "line 1, column 3: found `x`, expected an escape such as `\\n`"),
        (#""\ud83d""#, "line 1, column 8: found `\"`, expected the other half of a surrogate pair"),
    ])
    func saysWhereItIsWrong(text: String, message: String) {
        #expect { try JSONReader.value(of: text) } throws: { "\($0)" == message }
    }

    @Test func depthHasABound() {
        let deep = String(repeating: "[", count: 100_000)
        #expect(throws: JSONReader.Mistake.self) { try JSONReader.value(of: deep) }
    }
}
