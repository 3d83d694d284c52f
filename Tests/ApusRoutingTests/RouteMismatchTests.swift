import ApusAddresses
import ApusRouting
import Testing

@Suite struct RouteMismatchTests {
    private static func bytes(_ text: String) -> [UInt8] { Array(text.utf8) }

    /// What the route lacks is told in the order of the match's parts, and each with what was found.
    @Test func saysWhatIsMissingFirst() throws {
        let tenant = ValueCondition(name: "x-tenant", test: .exact(Self.bytes("acme")))
        let beta = ValueCondition(name: "beta", test: .exact(Self.bytes("1")))
        let group = ValueCondition(name: "group", test: .present, isNegated: true)
        let network = try #require(Network("10.0.0.0/8"))
        let route = RouteMatch(
            hosts: [.exact(Self.bytes("a.test"))], path: .prefix(Self.bytes("/v1")), methods: ["GET", "PURGE"],
            fields: [tenant], query: [beta], cookies: [group], clients: [network])
        let fields = ["X-Tenant: other", "X-Tenant: acme"]
        let target = "/v1/x?beta=0&beta=1"
        #expect(try Request("GET", target, fields: fields, client: "10.0.0.1").mismatch(with: route) == nil)
        #expect(try Request("PURGE", target, fields: fields, client: "10.0.0.1").mismatch(with: route) == nil)
        #expect(try Request("GET", "/", host: "B.test").mismatch(with: route) == .host(found: Self.bytes("B.test")))
        #expect(try Request("GET", "/v10").mismatch(with: route) == .path(found: Self.bytes("/v10")))
        #expect(try Request("POST", "/v1").mismatch(with: route) == .method(found: Self.bytes("POST")))
        #expect(try Request("GET", "/v1").mismatch(with: route) == .field(tenant, found: []))
        let other = try Request("GET", "/v1", fields: [fields[0]]).mismatch(with: route)
        #expect(other == .field(tenant, found: [Self.bytes("other")]))
        let query = try Request("GET", "/v1?beta=0&beta", fields: fields).mismatch(with: route)
        #expect(query == .query(beta, found: [Self.bytes("0"), []]))
        let encoded = try Request("GET", "/v1?bet%61=%30+", fields: fields).mismatch(with: route)
        #expect(encoded == .query(beta, found: [Self.bytes("0 ")]))
        let cookie = try Request("GET", target, fields: fields + ["Cookie: group=b"]).mismatch(with: route)
        #expect(cookie == .cookie(group, found: [Self.bytes("b")]))
        let client = try Request("GET", target, fields: fields).mismatch(with: route)
        #expect(client == .client(found: try #require(IPAddress("192.0.2.1"))))
    }
}
