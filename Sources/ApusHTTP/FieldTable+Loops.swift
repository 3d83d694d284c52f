extension FieldTable {
    /// Whether an Apus says in this response that the request had come back to it.
    ///
    /// - Parameter bytes: those that were parsed.
    public func saysLoop(in bytes: Span<UInt8>) -> Bool {
        for index in 0..<count where self[index].field == .apusReason {
            if bytes.equalsIgnoringCase(self[index].value, "loop_detected") { return true }
        }
        return false
    }
}
