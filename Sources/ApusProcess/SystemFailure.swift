import CApusSystem
import Glibc

/// What the system says to an errno, such as `Permission denied`.
func systemText(_ errno: Int32) -> String {
    guard let text = unsafe strerror(errno) else { return "error \(errno)" }
    return unsafe String(cString: text)
}

/// The variable of the process's environment; nil when it is unset or empty.
func environmentVariable(_ name: String) -> String? {
    guard let value = unsafe getenv(name) else { return nil }
    let text = unsafe String(cString: value)
    return text.isEmpty ? nil : text
}

/// Microseconds of the clock that never goes back.
func monotonicMicroseconds() -> Int64 { apus_clock_microseconds(CLOCK_MONOTONIC) }

extension Duration {
    /// Whole microseconds; the rest is cut.
    var microseconds: Int64 {
        let (seconds, attoseconds) = components
        return seconds * 1_000_000 + attoseconds / 1_000_000_000_000
    }
}
