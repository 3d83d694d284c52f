import ApusTestKit
import Foundation
import Testing

/// The ends of processes that no test waits for.
enum Zombies {
    /// What a child has started becomes a child of the test process when the one that started it ends, and can be waited
    /// for. What nobody waits for is a failure: an exit test that ends after it would never be seen to end.
    static let adopt: Void = {
        _ = GNU.prctl(GNU.setChildSubreaper, 1, 0, 0, 0)
        onThread(watch)
    }()

    /// How long a zombie may wait: much longer than the busiest machine takes to come round to it.
    private static let patience = Duration.seconds(20)

    /// Looks at what the exit tests' own waiting sees: the first child that has ended.
    private static func watch() {
        var seen = (process: pid_t(0), since: ContinuousClock.now)
        while true {
            rest(.milliseconds(500))
            var info = siginfo_t()
            guard waitid(P_ALL, 0, &info, WEXITED | WNOWAIT | WNOHANG) == 0 else { continue }
            let process = info._sifields._sigchld.si_pid
            if process == 0 || process != seen.process {
                seen = (process, .now)
            } else if seen.since.duration(to: .now) > patience {
                let name = (try? String(contentsOfFile: "/proc/\(process)/comm", encoding: .utf8)) ?? "?\n"
                Issue.record("a test left process \(process), `\(name.dropLast())`, which ended and was not waited for")
                var status: Int32 = 0
                _ = waitpid(process, &status, WNOHANG)
            }
        }
    }
}
