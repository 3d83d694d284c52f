import ApusAddresses
import Testing

@Suite struct SocketAddressTests {
    @Test(arguments: ["1.2.3.4:80", "[::1]:80", "0.0.0.0:0", "[::]:65535", "[2001:db8::1]:8080"])
    func readsAndWrites(text: String) {
        #expect(SocketAddress(text)?.description == text)
    }

    @Test func holdsAddressAndPort() {
        #expect(SocketAddress("1.2.3.4:80") == SocketAddress(ip: IPAddress(ipv4: 0x0102_0304), port: 80))
        #expect(SocketAddress("[::1]:81") == SocketAddress(ip: IPAddress(high: 0, low: 1), port: 81))
        #expect(SocketAddress("[::ffff:1.2.3.4]:80")?.description == "1.2.3.4:80")
    }

    @Test(arguments: [
        "", ":", ":80", "1.2.3.4", "1.2.3.4:", "1.2.3.4:65536", "1.2.3.4:080", "1.2.3.4:-1", "1.2.3.4:+80",
        "1.2.3.4: 80", "::1:80", "[::1]", "[::1]:", "[::1:80", "::1]:80", "[1.2.3.4]:80", "[]:80", "[[::1]]:80",
        "localhost:80", "1.2.3.4:8o", "[::1]80", "1.2.3.4:99999999999999999999",
    ])
    func refuses(text: String) {
        #expect(SocketAddress(text) == nil)
    }
}
