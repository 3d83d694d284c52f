/// A place in a configuration file.
public struct SourcePosition: Hashable, Sendable, Comparable, CustomStringConvertible {
    /// Counted from 1.
    public var line: Int { Int(lineNumber) }
    /// Counted from 1, in Unicode scalars.
    public var column: Int { Int(columnNumber) }
    /// Which of the configuration's files it is in, in the order of reading; 0 in what is handed out, where the file's
    /// name stands beside it.
    let source: Int32
    // A large configuration has a position for each of its values.
    private let lineNumber: Int32
    private let columnNumber: Int32

    public init(line: Int, column: Int) { self.init(line: line, column: column, source: 0) }

    init(line: Int, column: Int, source: Int32) {
        lineNumber = Int32(clamping: line)
        columnNumber = Int32(clamping: column)
        self.source = source
    }

    public static func < (left: SourcePosition, right: SourcePosition) -> Bool {
        (left.source, left.line, left.column) < (right.source, right.line, right.column)
    }

    /// The same place, that many characters further right.
    func moved(by characters: Int) -> SourcePosition {
        SourcePosition(line: line, column: column + characters, source: source)
    }

    /// The place without its file.
    var withoutSource: SourcePosition { SourcePosition(line: line, column: column) }

    /// `line:column`.
    public var description: String { "\(line):\(column)" }

    static let start = SourcePosition(line: 1, column: 1)
}

/// A value and where it was written.
struct Located<Value: Sendable>: Sendable {
    var value: Value
    var position: SourcePosition
}
