/// Feeds what libFuzzer makes up to the check of expressions, templates and paths.
@_cdecl("LLVMFuzzerTestOneInput")
public func testOneInput(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    runCheck(.routing, start, count)
}
