import ApusHTTP
import ApusTestKit
import Testing

/// Request targets that RFC 9112 section 3.2 does not allow.
@Suite struct RefusedTargets {
    static let targets = [
        BadInput("GET foo", .badTarget),
        BadInput("GET ?a=b", .badTarget),
        BadInput("GET *", .badTarget),
        BadInput("GET /a#b", .badTarget),
        BadInput("GET #", .badTarget),
        BadInput("GET /\u{0}", .badTarget),
        BadInput("GET /\u{1}", .badTarget),
        BadInput("GET /\u{7f}", .badTarget),
        BadInput("GET /\u{80}", .badTarget),
        BadInput("GET /\u{c3}\u{a9}", .badTarget),
        BadInput("GET a:80", .badTarget),
        BadInput("GET http:", .badTarget, .badHost),
        BadInput("GET http:/a", .badTarget, .badHost),
        BadInput("GET http://", .badTarget, .badHost),
        BadInput("GET http:///a", .badTarget, .badHost),
        BadInput("GET http://?a", .badTarget, .badHost),
        BadInput("GET http://:80/", .badTarget, .badHost),
        BadInput("GET http://user@a/", .badTarget, .badHost),
        BadInput("GET http://user:secret@a/", .badTarget, .badHost),
        BadInput("GET http://a:b/", .badTarget, .badHost),
        BadInput("GET http://a:99999/", .badTarget, .badHost),
        BadInput("GET http://a:80:80/", .badTarget, .badHost),
        BadInput("GET http://[::1/", .badTarget, .badHost),
        BadInput("GET http://a#b", .badTarget, .badHost),
        BadInput("GET http://a\\b/", .badTarget, .badHost),
        BadInput("GET ftp://a/", .badTarget),
        BadInput("GET javascript://a/", .badTarget),
        BadInput("OPTIONS foo", .badTarget),
        BadInput("OPTIONS **", .badTarget),
    ]

    @Test(arguments: targets, Delivery.allCases)
    func targetsAreTakenByTheLetter(start: BadInput, delivery: Delivery) throws {
        var input = start
        input.text += " HTTP/1.1\r\nHost: a\r\n\r\n"
        try expectRefused(input, delivery)
    }

    @Test(arguments: ["a:443", "/", "*", "http://a/"])
    func connectIsNotOffered(target: String) throws {
        let reasons: BadInput =
            target == "a:443"
            ? BadInput("CONNECT a:443 HTTP/1.1\r\nHost: a:443\r\n\r\n", .methodNotAllowed)
            : BadInput("CONNECT \(target) HTTP/1.1\r\nHost: a\r\n\r\n", .methodNotAllowed, .badTarget)
        try expectRefused(reasons)
    }
}
