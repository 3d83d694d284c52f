import Testing

@testable import ApusProxy

/// What a connection and an exchange occupy: with thousands of them this is memory, and misses of the cache.
@Suite struct SizeTests {
    @Test func connectionsAndExchangesStaySmall() {
        #expect(MemoryLayout<Connection>.size <= 96)
        #expect(MemoryLayout<Exchange>.size <= 432)
    }
}
