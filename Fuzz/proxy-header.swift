/// Feeds what libFuzzer makes up to the check of headers of the PROXY protocol.
@_cdecl("LLVMFuzzerTestOneInput")
public func testOneInput(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    runCheck(.proxyHeader, start, count)
}
