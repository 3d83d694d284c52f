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
    /// Neither the process nor the system has a descriptor left (EMFILE, ENFILE).
    @inlinable public var isOutOfDescriptors: Bool { rawValue == -Int(EMFILE) || rawValue == -Int(ENFILE) }
}

/// The clock of the event loops: microseconds since some moment, never going back.
@inlinable
public func monotonicMicroseconds() -> Int64 { apus_clock_microseconds(CLOCK_MONOTONIC) }

/// Microseconds since 1970, for logs.
@inlinable
public func wallClockMicroseconds() -> Int64 { apus_clock_microseconds(CLOCK_REALTIME) }
