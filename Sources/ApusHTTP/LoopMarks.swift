extension FieldTable {
    /// Whether there is an Apus-Loop field.
    @inlinable public var hasMarks: Bool { known.contains(.apusLoop) }

    /// Whether the request has been forwarded by the one whose mark that is.
    ///
    /// - Parameter bytes: those that were parsed.
    public func hasMark(_ mark: UInt32, in bytes: Span<UInt8>) -> Bool {
        var isThere = false
        for index in 0..<count where self[index].field == .apusLoop {
            forEachElement(of: bytes, in: self[index].value) { element in
                if decimal(bytes, element) == UInt64(mark) { isThere = true }
            }
        }
        return isThere
    }
}
