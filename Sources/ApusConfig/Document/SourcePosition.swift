/// A place in a configuration file.
public struct SourcePosition: Hashable, Sendable, Comparable, CustomStringConvertible {
    /// Counted from 1.
    public let line: Int
    /// Counted from 1, in Unicode scalars.
    public let column: Int

    public init(line: Int, column: Int) {
        self.line = line
        self.column = column
    }

    public static func < (left: SourcePosition, right: SourcePosition) -> Bool {
        (left.line, left.column) < (right.line, right.column)
    }

    /// `line:column`.
    public var description: String { "\(line):\(column)" }

    static let start = SourcePosition(line: 1, column: 1)
}

/// A value and where it was written.
struct Located<Value: Sendable>: Sendable {
    var value: Value
    var position: SourcePosition
}
