/// Feeds what libFuzzer makes up to the check of the configuration loader.
@_cdecl("LLVMFuzzerTestOneInput")
public func testOneInput(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    let input = unsafe Array(UnsafeBufferPointer(start: start, count: count))
    if let problem = ConfigurationCheck.problem(with: input) { fatalError(problem) }
    return 0
}
