import ApusModel

/// What a process cannot change about itself while it runs.
extension Snapshot {
    /// The snapshot with what is fixed as `running` has it, and what that means, in words: a line for each setting that
    /// would have changed.
    func keepingWhatIsFixed(of running: Snapshot) -> (snapshot: Snapshot, notes: [String]) {
        var operations = operations
        let old = running.operations
        var notes: [String] = []
        func keep(_ setting: String, _ was: String, _ wanted: String, by remedy: String = "`apus upgrade` or a restart")
        {
            notes.append("`\(setting)` stays \(was) for now: \(wanted) takes \(remedy)")
        }
        if workers != running.workers { keep("workers", "\(running.workers)", "\(workers)") }
        if operations.admin?.bind != old.admin?.bind {
            keep("admin.bind", words(old.admin), words(operations.admin))
            // The token belongs to the address: one that may be reached from elsewhere must not lose it.
            operations.admin = old.admin
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

    private func words(_ admin: Admin?) -> String {
        switch admin?.bind {
        case nil: "off"
        case .address(let address)?: "\(address)"
        case .unix(let path)?: "unix:\(path)"
        }
    }
}
