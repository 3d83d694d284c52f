import ApusModel
import Testing

@Suite struct AccessLogTemplateTests {
    @Test func textAndFieldsAreToldApart() throws {
        let template = try AccessLogTemplate("{client} - \"{method} {target}\" {status}")
        #expect(
            template.pieces == [
                .field(.client), .text(" - \""), .field(.method), .text(" "), .field(.target), .text("\" "),
                .field(.status),
            ])
    }

    @Test func twoBracesAreOne() throws {
        let template = try AccessLogTemplate("{{\"s\":{status}}")
        #expect(template.pieces == [.text("{\"s\":"), .field(.status), .text("}")])
    }

    @Test(arguments: AccessLogField.allCases)
    func everyFieldHasItsName(field: AccessLogField) throws {
        #expect(try AccessLogTemplate("{\(field.rawValue)}").pieces == [.field(field)])
    }

    @Test(
        arguments: [
            ("ä {stauts}", .unknownField("stauts", offset: 3)), ("{}", .unknownField("", offset: 1)),
            ("{ status }", .unknownField(" status ", offset: 1)), ("{status} {", .unclosedBrace(offset: 9)),
            ("{status", .unclosedBrace(offset: 0)), ("{status}\n", .controlCharacter(offset: 8)),
            ("{status}\u{7f}", .controlCharacter(offset: 8)), ("", .noField), ("ok", .noField), ("{{status}", .noField),
        ] as [(String, AccessLogTemplateError)])
    func whatIsNoTemplateIsRefused(text: String, error: AccessLogTemplateError) {
        #expect(throws: error) { try AccessLogTemplate(text) }
    }
}
