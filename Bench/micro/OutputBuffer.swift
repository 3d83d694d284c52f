import ApusHTTP

/// Collects a rewritten head in memory of a fixed size, the way the data plane's buffers do.
@safe
struct OutputBuffer: ~Copyable {
    private let input: UnsafeMutableRawPointer
    private let inputCount: Int
    private let output: UnsafeMutableRawPointer
    private let capacity: Int
    private(set) var count = 0

    /// An empty buffer for what is written of `bytes`, which it copies.
    init(input bytes: [UInt8], capacity: Int) {
        inputCount = bytes.count
        self.capacity = capacity
        unsafe input = .allocate(byteCount: bytes.count, alignment: 64)
        unsafe output = .allocate(byteCount: capacity, alignment: 64)
        unsafe UnsafeMutableRawBufferPointer(start: input, count: bytes.count).copyBytes(from: bytes)
    }

    deinit {
        unsafe input.deallocate()
        unsafe output.deallocate()
    }

    mutating func removeAll() { count = 0 }

    private mutating func append(_ source: UnsafeRawPointer, _ length: Int) {
        precondition(length <= capacity - count)
        unsafe (output + count).copyMemory(from: source, byteCount: length)
        count += length
    }
}

extension OutputBuffer: HeadSink {
    mutating func append(input range: Range<Int>) {
        precondition(range.lowerBound >= 0 && range.upperBound <= inputCount)
        unsafe append(input + range.lowerBound, range.count)
    }

    mutating func append(_ text: StaticString) {
        unsafe append(text.utf8Start, text.utf8CodeUnitCount)
    }

    mutating func append(_ byte: UInt8) {
        precondition(count < capacity)
        unsafe (output + count).storeBytes(of: byte, as: UInt8.self)
        count += 1
    }
}
