/// Runs `check` on the fuzzer's bytes and stops the process when they show a problem: libFuzzer then keeps the input.
func runCheck(_ check: ParserCheck, _ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    let input = unsafe Array(UnsafeBufferPointer(start: start, count: count))
    if let problem = check.problem(with: input) { fatalError(problem) }
    return 0
}
