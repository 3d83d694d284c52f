import CApusSystem

/// One end of a Unix socket that carries messages and descriptors between two processes.
///
/// A value that names a descriptor and does not own it: whoever keeps it closes it, once.
struct MessageSocket: Sendable, Equatable {
    let descriptor: Int32

    func close() { _ = CApusSystem.close(descriptor) }

    /// Two ends of one.
    static func pair() throws(MessageSocketError) -> (MessageSocket, MessageSocket) {
        var ends: [Int32] = [-1, -1]
        let result = unsafe apus_message_pair(&ends)
        guard result == 0 else { throw .system(-result) }
        return (MessageSocket(descriptor: ends[0]), MessageSocket(descriptor: ends[1]))
    }

    /// Sends a message, by the deadline (monotonic microseconds). The descriptors remain the sender's too.
    func send(_ message: UpgradeMessage, descriptors: [Int32] = [], by deadline: Int64) throws(MessageSocketError) {
        let bytes = message.bytes
        while true {
            let result = unsafe apus_send_message(descriptor, bytes, bytes.count, descriptors, descriptors.count)
            guard result < 0 else { return }
            switch Int32(-result) {
            case EINTR: continue
            case EAGAIN: try wait(forWriting: true, by: deadline)
            case EPIPE, ECONNRESET: throw .ended
            case let errno: throw .system(errno)
            }
        }
    }

    /// The next message and its descriptors, which are the receiver's to close.
    func receive(by deadline: Int64) throws(MessageSocketError) -> (UpgradeMessage, descriptors: [Int32]) {
        while true {
            if let received = try receiveNow() { return received }
            try wait(forWriting: false, by: deadline)
        }
    }

    /// The message that has come already; nil when none has.
    func receiveNow() throws(MessageSocketError) -> (UpgradeMessage, descriptors: [Int32])? {
        var bytes = [UInt8](repeating: 0, count: UpgradeMessage.longest)
        var descriptors = [Int32](repeating: -1, count: UpgradeMessage.mostSockets)
        var came = descriptors.count
        var result = unsafe apus_receive_message(descriptor, &bytes, bytes.count, &descriptors, &came)
        if result == -Int(ECONNRESET) {
            // The peer closed its end before it had read everything. What it said before that still waits.
            came = descriptors.count
            result = unsafe apus_receive_message(descriptor, &bytes, bytes.count, &descriptors, &came)
        }
        if result == -Int(EAGAIN) || result == -Int(EINTR) { return nil }
        if result == 0 || result == -Int(ECONNRESET) { throw .ended }
        guard result > 0 else { throw .system(Int32(-result)) }
        descriptors.removeLast(descriptors.count - came)
        guard let message = UpgradeMessage(bytes[..<result]) else {
            for descriptor in descriptors { _ = CApusSystem.close(descriptor) }
            throw .meaningless
        }
        return (message, descriptors)
    }

    /// Blocks until the peer has closed its end or the deadline has come. Whether it has; what it still says is lost.
    func waitForEnd(by deadline: Int64) -> Bool {
        while true {
            do throws(MessageSocketError) {
                let (_, descriptors) = try receive(by: deadline)
                for descriptor in descriptors { _ = CApusSystem.close(descriptor) }
            } catch {
                return error != .timedOut
            }
        }
    }

    /// Takes nothing more: what the peer sends from now on it is told to be in vain (EPIPE). What has come is there.
    func stopReceiving() { _ = apus_shut_reading(descriptor) }

    private func wait(forWriting: Bool, by deadline: Int64) throws(MessageSocketError) {
        while true {
            let left = deadline - monotonicMicroseconds()
            guard left > 0 else { throw .timedOut }
            // Rounded up, so that the end of the wait is past the deadline.
            let milliseconds = Int32(clamping: left / 1000 + 1)
            if apus_wait(descriptor, forWriting ? 1 : 0, milliseconds) > 0 { return }
        }
    }
}

enum MessageSocketError: Error, Equatable {
    /// The peer has closed its end.
    case ended
    case timedOut
    /// Bytes came that are no message.
    case meaningless
    case system(Int32)
}
