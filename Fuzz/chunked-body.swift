/// Feeds what libFuzzer makes up to the check of chunked bodies.
@_cdecl("LLVMFuzzerTestOneInput")
public func testOneInput(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    runCheck(.chunkedBody, start, count)
}
