import ApusModel
import Testing

@testable import ApusControl

/// What the data plane would refuse, the admin server refuses.
@Suite struct AdminHeadTests {
    @Test(arguments: [
        ("GET /livez HTTP/1.1\r\n\r\n", 400, "missing_host"),
        ("GET /livez HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n", 400, "repeated_host"),
        ("GET /livez HTTP/1.1\r\nHost: a b\r\n\r\n", 400, "bad_host"),
        ("GET /livez HTTP/1.1\r\nHost: a,b\r\n\r\n", 400, "bad_host"),
        ("GET /livez HTTP/1.1\r\nHost: u@a\r\n\r\n", 400, "bad_host"),
        ("GET /livez HTTP/1.1\r\nHost:\r\n\r\n", 400, "bad_host"),
        ("GET http://b/livez HTTP/1.1\r\nHost: a\r\n\r\n", 400, "bad_host"),
        ("GET http://a:1/livez HTTP/1.1\r\nHost: a:2\r\n\r\n", 400, "bad_host"),
        ("GET ftp://a/livez HTTP/1.1\r\nHost: a\r\n\r\n", 400, "bad_target"),
        ("GET /livez#x HTTP/1.1\r\nHost: a\r\n\r\n", 400, "bad_target"),
        ("GET livez HTTP/1.1\r\nHost: a\r\n\r\n", 400, "bad_target"),
        ("GET /livez HTTP/1.1\nHost: a\n\n", 400, "bare_lf"),
        ("GET /livez HTTP/1.1\r\nHost: a\nX: b\r\n\r\n", 400, "bare_lf"),
        ("GET /livez HTTP/1.1\r\nHost: a\r\nX: b\r\n c\r\n\r\n", 400, "obsolete_line_folding"),
        ("GET /livez HTTP/1.1\r\nHost : a\r\n\r\n", 400, "space_before_colon"),
        ("GET /livez HTTP/1.1\r\nHost: a\r\nX(: b\r\n\r\n", 400, "bad_field_name"),
        ("GET /livez HTTP/1.1\r\nHost: a\r\nX: b\u{1}c\r\n\r\n", 400, "bad_field_value"),
        ("GET  /livez HTTP/1.1\r\nHost: a\r\n\r\n", 400, "bad_request_line"),
        ("GET /livez\r\n\r\n", 400, "bad_request_line"),
        ("CONNECT a:80 HTTP/1.1\r\nHost: a\r\n\r\n", 405, "method_not_allowed"),
        ("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505, "bad_version"),
        (
            "PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n", 400,
            "content_length_with_transfer_encoding"
        ),
        (
            "PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n", 400,
            "conflicting_content_length"
        ),
        ("PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: +1\r\n\r\n", 400, "bad_content_length"),
        ("PUT / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n", 501, "unsupported_transfer_coding"),
        ("PUT / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked, chunked\r\n\r\n", 400, "bad_transfer_encoding"),
        ("PUT / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n", 400, "transfer_encoding_in_http10"),
        ("PUT / HTTP/1.1\r\nHost: a\r\nExpect: a-reply\r\nContent-Length: 1\r\n\r\n", 417, "expectation_failed"),
    ])
    func isRefusedWithItsReason(request: String, status: Int, reason: String) async throws {
        try await AdminFixture.run { server in
            let answer = try AdminFixture.Answer(try await server.raw(request))
            #expect(answer.status == status)
            #expect(answer.fields["apus-reason"] == reason)
            // As each answer says.
            #expect(answer.fields["cross-origin-resource-policy"] == "same-origin")
            #expect(answer.fields["x-content-type-options"] == "nosniff")
            #expect(answer.type == "application/problem+json" && answer.fields["connection"] == "close")
            #expect(try answer.json()["type"] == "urn:apus:problem:refused-request")
        }
    }

    @Test func headsThatAreTooLargeAreRefused() async throws {
        try await AdminFixture.run { server in
            let long = String(repeating: "x", count: 70_000)
            let head = try AdminFixture.Answer(
                try await server.raw("GET /livez HTTP/1.1\r\nHost: a\r\nX: \(long)\r\n\r\n"))
            #expect(head.status == 431 && head.fields["apus-reason"] == "head_too_large")
            let fields = (0..<101).map { "X-\($0): y\r\n" }.joined()
            let many = try AdminFixture.Answer(try await server.raw("GET /livez HTTP/1.1\r\nHost: a\r\n\(fields)\r\n"))
            #expect(many.status == 431 && many.fields["apus-reason"] == "too_many_fields")
        }
    }

    /// The second of two requests is held to the same rules, after the first has been answered.
    @Test func pipelinedRequestsAreReadOneAfterTheOther() async throws {
        try await AdminFixture.run { server in
            let good = "GET /livez HTTP/1.1\r\nHost: a\r\n\r\n"
            let bad = "GET /livez HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n"
            let text = try await server.raw(good + good + bad + good)
            let statuses = text.split(separator: "\r\n").filter {
                $0.hasPrefix("HTTP/1.1 ") || $0.contains("\nHTTP/1.1 ")
            }
            #expect(statuses.count == 3, "\(text)")
            #expect(text.contains("repeated_host"))
        }
    }

    @Test func absoluteTargetsOfTheSameHostAreTaken() async throws {
        try await AdminFixture.run { server in
            for target in ["http://LOCALHOST:1/livez", "http://localhost:1/livez?x"] {
                let head = "GET \(target) HTTP/1.1\r\nHost: localhost:1\r\nConnection: close\r\n\r\n"
                let answer = try AdminFixture.Answer(try await server.raw(head))
                #expect(answer.status == 200 && answer.body == "alive\n")
            }
        }
    }

    @Test func oldClientsAreAnswered() async throws {
        try await AdminFixture.run { server in
            let answer = try AdminFixture.Answer(try await server.raw("GET /livez HTTP/1.0\r\n\r\n"))
            #expect(answer.status == 200 && answer.body == "alive\n" && answer.fields["connection"] == "close")
        }
    }

    @Test(arguments: [
        "/", "/livez", "/metrics", "/openapi.json", "/v1/status", "/v1/pools", "/v1/pools/web", "/v1/config",
    ])
    func headTellsWhatGetWouldSend(path: String) async throws {
        try await AdminFixture.run { server in
            let get = try await server.get(path)
            let head = try await server.send("HEAD", path)
            #expect(head.status == get.status && head.body.isEmpty)
            var (one, other) = (get.fields, head.fields)
            // The time passes.
            let lengths = (Int(one["content-length"] ?? ""), Int(other["content-length"] ?? ""))
            #expect(lengths.0 != nil && lengths.1 != nil && abs((lengths.0 ?? 0) - (lengths.1 ?? 0)) < 200)
            for name in ["date", "content-length"] { (one[name], other[name]) = (nil, nil) }
            #expect(one == other)
        }
    }

    @Test func headOfProblemsHasNoBody() async throws {
        try await AdminFixture.run { server in
            let head = try await server.send("HEAD", "/nothing")
            #expect(head.status == 404 && head.body.isEmpty && head.fields["content-length"] != "0")
            let changing = try await server.send("HEAD", "/v1/config/reload")
            #expect(changing.status == 405 && changing.fields["allow"] == "POST")
        }
    }
}
