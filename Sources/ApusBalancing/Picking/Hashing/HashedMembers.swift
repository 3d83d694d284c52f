/// The endpoints of a group as hashing knows them: by the hashes of their names, whatever their order.
@usableFromInline
struct HashedMembers: Sendable {
    /// Of each endpoint, by its index.
    let hashes: [UInt64]
    /// The indices, by ascending hash: an order that all balancers share, wherever an endpoint stands in their
    /// configurations.
    @usableFromInline let order: [Int32]

    init(_ members: [GroupMember]) {
        var seen: [String: UInt64] = [:]
        let hashes = members.map { member in
            // The same name again is another endpoint: it must not hide behind the first.
            let number = seen[member.name, default: 0]
            seen[member.name] = number + 1
            return KeyHash.of(KeyHash.of(Array(member.name.utf8).span), number)
        }
        self.hashes = hashes
        order = members.indices.sorted { hashes[$0] < hashes[$1] }.map(Int32.init)
    }

    var count: Int { hashes.count }
}
