import ApusModel

/// What a process cannot change about itself while it runs.
extension Snapshot {
    /// The snapshot with what is fixed as `running` has it, and what that means, in words: a line for each setting that
    /// would have changed.
    ///
    /// - Parameter isSent: the configuration comes from somebody who may not change what `admin: { files: ... }` allows.
    func keepingWhatIsFixed(
        of running: Snapshot, isSent: Bool = false
    ) -> (snapshot: Snapshot, notes: [String]) {
        var operations = operations
        let old = running.operations
        var notes: [String] = []
        func keep(_ setting: String, _ was: String, _ wanted: String, by remedy: String = "`apus upgrade` or a restart")
        {
            notes.append("`\(setting)` stays \(was) for now: \(wanted) takes \(remedy)")
        }
        if workers != running.workers { keep("workers", "\(running.workers)", "\(workers)") }
        if words(operations.admin.sorted()) != words(old.admin.sorted()) {
            keep("admin.bind", words(old.admin), words(operations.admin))
        }
        operations.admin = old.admin.keepingBinds(configured: operations.admin)
        if isSent {
            for (index, admin) in old.admin.enumerated() where operations.admin[index].files != admin.files {
                keep(
                    "admin(\(admin.bind)).files", admin.files.words, operations.admin[index].files.words,
                    by: "the process's own file and a reload")
                operations.admin[index].files = admin.files
            }
        }
        if operations.user != old.user || operations.group != old.group {
            keep(
                "process", "\(old.user ?? "as started"):\(old.group ?? "its own group")",
                "\(operations.user ?? "as started"):\(operations.group ?? "its own group")", by: "a restart")
            operations.user = old.user
            operations.group = old.group
        }
        if operations.stateDirectory != old.stateDirectory {
            keep("state.directory", old.stateDirectory ?? "off", operations.stateDirectory ?? "off")
            operations.stateDirectory = old.stateDirectory
        }
        return (replacing(workers: running.workers, operations: operations), notes)
    }

    private func words(_ admin: [Admin]) -> String {
        admin.isEmpty ? "off" : admin.map { "\($0.bind)" }.joined(separator: ", ")
    }
}

extension [Admin] {
    /// These listeners in this order, each with the role, the token, the hosts and the TLS that `other` has for it.
    ///
    /// One that `other` no longer has stays as it is: it is bound, and what may be reached must not lose its token.
    fileprivate func keepingBinds(configured other: [Admin]) -> [Admin] {
        var rest = other
        return map { admin in
            guard let index = rest.firstIndex(where: { $0.bind == admin.bind }) else { return admin }
            return rest.remove(at: index)
        }
    }

    fileprivate func sorted() -> [Admin] { sorted { "\($0.bind)" < "\($1.bind)" } }
}

extension [FilePattern] {
    fileprivate var words: String { isEmpty ? "none" : map(\.description).joined(separator: ", ") }
}
