import Foundation

/// One thread of another process that stands still while all others go on, as if it hung: a signal could only stop them
/// all.
///
/// To be made and let go on the same thread.
struct HeldThread: ~Copyable {
    private let number: pid_t

    /// - Parameter name: what the thread calls itself.
    init(named name: String, of process: pid_t) throws {
        let folder = "/proc/\(process)/task"
        let found = try FileManager.default.contentsOfDirectory(atPath: folder).first {
            try String(contentsOfFile: "\(folder)/\($0)/comm", encoding: .utf8) == name + "\n"
        }
        guard let found, let number = pid_t(found) else { throw Trouble("process \(process) has no thread \(name)") }
        guard GNU.ptrace(GNU.seize, number, 0, 0) == 0, GNU.ptrace(GNU.interrupt, number, 0, 0) == 0 else {
            throw Trouble("cannot hold thread \(number): errno \(errno)")
        }
        self.number = number
    }

    consuming func letGo() { _ = GNU.ptrace(GNU.detach, number, 0, 0) }
}
