import ApusTransport

/// Where the clients were accepted that a header of the PROXY protocol has named: by the proxy in front of this one.
struct Introductions {
    /// By slot of connection. An entry holds for the connection that it names.
    private var entries: [Entry] = []

    private struct Entry {
        var token: UInt64 = 0
        var reached = WireAddress(high: 0, low: 0, port: 0)
    }

    mutating func note(_ reached: WireAddress, of client: SlabHandle) {
        let slot = Self.slot(client)
        while entries.count <= slot { entries.append(Entry()) }
        entries[slot] = Entry(token: client.token, reached: reached)
    }

    /// Nil for a client that no header has named.
    func reached(_ client: SlabHandle) -> WireAddress? {
        let slot = Self.slot(client)
        guard slot < entries.count, entries[slot].token == client.token else { return nil }
        return entries[slot].reached
    }

    private static func slot(_ client: SlabHandle) -> Int { Int(client.token & 0xffff_ffff) }
}
