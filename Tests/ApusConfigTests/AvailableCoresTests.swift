import Testing

@testable import ApusConfig

@Suite struct AvailableCoresTests {
    @Test(arguments: [
        ("0", 1), ("0-1", 2), ("0-3,8,10-11", 7), ("5", 1), ("", nil), ("x", nil), ("3-1", nil), ("1-", nil),
    ])
    func countsTheCoresThatAreAllowed(list: String, expected: Int?) {
        let status = "Name:\tapus\nCpus_allowed:\tff\nCpus_allowed_list:\t\(list)\nMems_allowed_list:\t0\n"
        #expect(AvailableCores.allowed(status: status) == expected)
    }

    @Test func withoutTheLineNothingIsKnown() {
        #expect(AvailableCores.allowed(status: "Name:\tapus\n") == nil)
        #expect(AvailableCores.count >= 1)
    }
}
