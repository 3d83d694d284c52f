import ApusTransport
internal import CNIOBoringSSL

/// How BoringSSL reads and writes: from and to an `EngineFlow`, which is the BIO's data.
enum FlowBIO {
    /// Made once, and never freed.
    nonisolated(unsafe) static let method: OpaquePointer? = {
        let method = unsafe BIO_meth_new(BIO_get_new_index(), "apus flow")
        unsafe BIO_meth_set_read(method) { bio, bytes, count in unsafe FlowBIO.read(bio, bytes, count) }
        unsafe BIO_meth_set_write(method) { bio, bytes, count in unsafe FlowBIO.write(bio, bytes, count) }
        unsafe BIO_meth_set_ctrl(method) { _, command, _, _ in command == BIO_CTRL_FLUSH ? 1 : 0 }
        return unsafe method
    }()

    private static func read(
        _ bio: OpaquePointer?, _ bytes: UnsafeMutablePointer<CChar>?, _ count: Int32
    ) -> Int32 {
        guard let flow = unsafe flow(of: bio), let bytes = unsafe bytes else { return -1 }
        let taken = unsafe min(Int(count), flow.pointee.receivedCount)
        guard taken > 0 else {
            unsafe flow.pointee.wanted = Int(count)
            unsafe BIO_set_retry_read(bio)
            return -1
        }
        unsafe UnsafeMutableRawPointer(bytes).copyMemory(from: flow.pointee.received, byteCount: taken)
        unsafe flow.pointee.received += taken
        unsafe flow.pointee.receivedCount -= taken
        return Int32(taken)
    }

    private static func write(
        _ bio: OpaquePointer?, _ bytes: UnsafePointer<CChar>?, _ count: Int32
    ) -> Int32 {
        guard let flow = unsafe flow(of: bio), let bytes = unsafe bytes else { return -1 }
        let room = unsafe flow.pointee.sealedCapacity - flow.pointee.sealedCount
        guard count <= room else { return -1 }
        let target = unsafe UnsafeMutableRawPointer(flow.pointee.sealed + flow.pointee.sealedCount)
        unsafe target.copyMemory(from: bytes, byteCount: Int(count))
        unsafe flow.pointee.sealedCount += Int(count)
        return count
    }

    private static func flow(of bio: OpaquePointer?) -> UnsafeMutablePointer<EngineFlow>? {
        unsafe BIO_clear_retry_flags(bio)
        return unsafe BIO_get_data(bio)?.assumingMemoryBound(to: EngineFlow.self)
    }
}
