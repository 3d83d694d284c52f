/// Feeds what libFuzzer makes up to the check of request heads.
@_cdecl("LLVMFuzzerTestOneInput")
public func testOneInput(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    runCheck(.requestHead, start, count)
}
