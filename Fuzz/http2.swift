/// Feeds what libFuzzer makes up to the check of connections of HTTP/2.
@_cdecl("LLVMFuzzerTestOneInput")
public func testOneInput(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    runCheck(.http2, start, count)
}
