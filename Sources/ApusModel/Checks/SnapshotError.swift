/// One thing that is wrong in a snapshot.
public struct SnapshotProblem: Sendable, Equatable, CustomStringConvertible {
    /// The property, from the snapshot on: `pools[2].retries.attempts`.
    public var place: String
    public var found: String
    public var expected: String

    public init(place: String, found: String, expected: String) {
        self.place = place
        self.found = found
        self.expected = expected
    }

    public var description: String { "\(place): expected \(expected), found \(found)" }
}

/// Why a snapshot cannot be run: everything that is wrong in it, the first hundred at most.
public struct SnapshotError: Error, Equatable, CustomStringConvertible {
    public var problems: [SnapshotProblem]

    public init(_ problems: [SnapshotProblem]) { self.problems = problems }

    public var description: String {
        "the snapshot cannot be run: " + problems.map(\.description).joined(separator: "; ")
    }
}

extension Snapshot {
    /// What is wrong in it, in its order; empty if it can be run. At most a hundred are told.
    ///
    /// A configuration that `ConfigurationLoader` has read has no problems. One that a program built in code is held to
    /// the same bounds (`Bounds`), and its indices and ranges must fit together. Linear in the snapshot's size.
    public var problems: [SnapshotProblem] { problems(knowing: nil) }

    private func problems(knowing known: Snapshot?) -> [SnapshotProblem] {
        var check = SnapshotCheck(self, knowing: known)
        check.run()
        return check.problems
    }

    /// - Throws: `problems`, if there are any. `LoadBalancer` and `DataPlane` call it before they do anything else.
    ///
    /// - Parameter known: what runs: its routes and endpoints that are here as well are not looked at again.
    public func check(knowing known: Snapshot? = nil) throws(SnapshotError) {
        let problems = problems(knowing: known)
        guard problems.isEmpty else { throw SnapshotError(problems) }
    }
}
