/// Feeds what libFuzzer makes up to the decoder of HPACK and to nghttp2's: both must say the same.
@_silgen_name("witness_decode")
private func witnessDecode(
    _ blocks: UnsafePointer<UInt8>?, _ count: Int, _ out: UnsafeMutablePointer<UInt8>, _ room: Int,
    _ fault: UnsafeMutablePointer<CInt>
) -> Int

private struct Fields: FieldReceiver {
    var bytes: [UInt8] = []
    let room: Int

    mutating func receive(name: Span<UInt8>, value: Span<UInt8>, isSecret: Bool) {
        guard bytes.count + 4 + name.count + value.count + 2 <= room else { return }
        for count in [name.count, value.count] { bytes += [UInt8(count >> 8), UInt8(count & 0xff)] }
        for index in name.indices { bytes.append(name[index]) }
        for index in value.indices { bytes.append(value[index]) }
    }

    mutating func receivedTooLong() { fatalError("a string of at most 2 KB is too long") }
}

@_cdecl("LLVMFuzzerTestOneInput")
public func testOneInput(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    let input = unsafe Array(UnsafeBufferPointer(start: start, count: count))
    let room = 1 << 20
    var fields = Fields(room: room)
    var decoder = HPACKDecoder()
    var scratch = HPACKScratch(capacity: 8_192)
    var offset = 0
    var isFault = false
    while input.count - offset >= 2, !isFault {
        let length = min(Int(input[offset]) << 8 | Int(input[offset + 1]), input.count - offset - 2)
        let block = input.span.extracting(offset + 2..<offset + 2 + length)
        do throws(HPACKFault) {
            try decoder.decode(block, &scratch, into: &fields)
            if fields.bytes.count + 2 <= room { fields.bytes += [0xff, 0xff] }
        } catch {
            isFault = true
        }
        offset += 2 + length
    }
    var expected = [UInt8](repeating: 0, count: room)
    var fault: CInt = 0
    let expectedCount = unsafe expected.withUnsafeMutableBufferPointer { out in
        unsafe witnessDecode(start, count, out.baseAddress!, room, &fault)
    }
    if isFault != (fault != 0) { fatalError("a fault to one of two decoders: here \(isFault), nghttp2 \(fault)") }
    if expectedCount < room / 2, fields.bytes != Array(expected[..<expectedCount]) {
        fatalError("two decoders say different things")
    }
    return 0
}
