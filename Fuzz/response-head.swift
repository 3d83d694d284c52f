/// Feeds what libFuzzer makes up to the check of response heads.
@_cdecl("LLVMFuzzerTestOneInput")
public func testOneInput(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    runCheck(.responseHead, start, count)
}
