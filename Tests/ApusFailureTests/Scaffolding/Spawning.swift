import ApusTestKit
import Foundation

/// Both ends are closed in children, except where they are made a child's own.
struct Pipe {
    let reading: Int32
    let writing: Int32

    init() throws {
        var ends: [Int32] = [0, 0]
        guard GNU.pipe2(&ends, O_CLOEXEC) == 0 else { throw Trouble("no pipe: errno \(errno)") }
        (reading, writing) = (ends[0], ends[1])
    }
}

/// Starts `program` with no descriptors but these and no signal ignored or blocked.
///
/// - Parameter group: the process group that it joins; 0 for a new one of its own.
func spawn(
    _ program: String, _ arguments: [String], environment: [String: String] = [:], stdin: Int32?, output: Int32?,
    descriptors: [Int32] = [], group: pid_t = 0
) throws -> pid_t {
    var actions = posix_spawn_file_actions_t()
    posix_spawn_file_actions_init(&actions)
    defer { posix_spawn_file_actions_destroy(&actions) }
    if let stdin {
        posix_spawn_file_actions_adddup2(&actions, stdin, 0)
    } else {
        posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
    }
    for descriptor: Int32 in 1...2 {
        if let output {
            posix_spawn_file_actions_adddup2(&actions, output, descriptor)
        } else {
            posix_spawn_file_actions_addopen(&actions, descriptor, "/dev/null", O_WRONLY, 0)
        }
    }
    // A connection of another test, inherited by accident, would outlive its closing there.
    for (number, descriptor) in descriptors.enumerated() {
        posix_spawn_file_actions_adddup2(&actions, descriptor, Int32(3 + number))
    }
    _ = GNU.addCloseFrom(&actions, Int32(3 + descriptors.count))
    var attributes = posix_spawnattr_t()
    posix_spawnattr_init(&attributes)
    defer { posix_spawnattr_destroy(&attributes) }
    var none = sigset_t()
    sigemptyset(&none)
    var all = sigset_t()
    sigfillset(&all)
    posix_spawnattr_setsigmask(&attributes, &none)
    posix_spawnattr_setsigdefault(&attributes, &all)
    posix_spawnattr_setpgroup(&attributes, group)
    posix_spawnattr_setflags(
        &attributes, Int16(POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETPGROUP))
    let variables = ProcessInfo.processInfo.environment.merging(environment) { $1 }.map { "\($0.key)=\($0.value)" }
    var argv: [UnsafeMutablePointer<CChar>?] = ([program] + arguments).map { strdup($0) } + [nil]
    var envp: [UnsafeMutablePointer<CChar>?] = variables.map { strdup($0) } + [nil]
    defer { for text in argv + envp { free(text) } }
    var id = pid_t()
    let result = posix_spawnp(&id, program, &actions, &attributes, &argv, &envp)
    guard result == 0 else { throw Trouble("cannot start \(program): errno \(result)") }
    return id
}
