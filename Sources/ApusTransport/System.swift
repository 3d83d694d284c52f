public import CApusSystem

/// What a system call that moves bytes or makes descriptors came to.
///
/// One word: the call's result where it is zero or more, minus its errno otherwise.
@frozen
public struct SystemResult: Sendable, BitwiseCopyable {
    public let rawValue: Int

    @inlinable
    init(_ rawValue: Int) { self.rawValue = rawValue }

    @inlinable
    init(_ rawValue: Int32) { self.rawValue = Int(rawValue) }

    @inlinable public var isFailure: Bool { rawValue < 0 }
    /// The errno of a failure.
    @inlinable public var errno: Int32 { Int32(truncatingIfNeeded: -rawValue) }
    /// The call would have had to wait (EAGAIN).
    @inlinable public var wouldBlock: Bool { rawValue == -Int(EAGAIN) }
    /// A handshake waits for something else than its peer (EINPROGRESS): an engine's result.
    @inlinable public var isInProgress: Bool { rawValue == -Int(EINPROGRESS) }
    /// The connection is broken, and not because the peer had ended it before (EPIPE).
    @inlinable var isReset: Bool {
        rawValue < 0 && rawValue != -Int(EAGAIN) && rawValue != -Int(EPIPE) && !isOutOfMemory
    }
    static var reset: SystemResult { SystemResult(-Int(ECONNRESET)) }
    /// The system had no memory for it (ENOMEM, ENOBUFS): nobody's connection is broken.
    @inlinable public var isOutOfMemory: Bool { rawValue == -Int(ENOMEM) || rawValue == -Int(ENOBUFS) }
    /// The peer broke the protocol, or refused (EPROTO): an engine's result.
    @inlinable public var isOfProtocol: Bool { rawValue == -Int(EPROTO) }
    /// Neither the process nor the system has a descriptor left (EMFILE, ENFILE).
    @inlinable public var isOutOfDescriptors: Bool { rawValue == -Int(EMFILE) || rawValue == -Int(ENFILE) }
}

/// The clock of the event loops: microseconds since some moment, never going back.
@inlinable
public func monotonicMicroseconds() -> Int64 { apus_clock_microseconds(CLOCK_MONOTONIC) }

/// Microseconds since 1970, for logs.
@inlinable
public func wallClockMicroseconds() -> Int64 { apus_clock_microseconds(CLOCK_REALTIME) }

/// A descriptor that stands for nothing but itself; negative when there is none to be had.
func openSpareDescriptor() -> Int32 { apus_spare_descriptor() }

/// The system's number for the calling thread, as `/proc/self/task` lists it.
public func threadNumber() -> Int32 { apus_thread_number() }

/// The number of this process.
public func processNumber() -> Int32 { getpid() }

/// The machine's name; nil when it has none.
public func hostName() -> String? {
    var name = [UInt8](repeating: 0, count: 256)
    let result = unsafe name.withUnsafeMutableBytes { unsafe apus_host_name($0.baseAddress, 255) }
    guard result == 0, let end = name.firstIndex(of: 0), end > 0 else { return nil }
    return String(decoding: name[..<end], as: UTF8.self)
}

/// What the system calls an errno, such as "Address already in use".
public func systemErrorText(_ errno: Int32) -> String {
    guard let text = unsafe strerror(errno) else { return "error \(errno)" }
    return unsafe String(cString: text)
}
