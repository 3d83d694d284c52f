import ApusHTTP
import Testing

@Suite struct ReasonTests {
    @Test func everyTokenIsItsOwn() {
        #expect(Set(Reason.allCases.map { "\($0.token)" }).count == Reason.allCases.count)
    }

    @Test func everyStatusIsAnError() {
        for reason in Reason.allCases {
            guard let status = reason.status else { continue }
            #expect((400...599).contains(status), "\(reason)")
        }
    }
}
