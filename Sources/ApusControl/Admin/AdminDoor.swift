import ApusModel

/// One listener of the admin server, as the running configuration has it.
struct AdminDoor: Sendable {
    /// As it was bound, which does not change while the process runs.
    let opened: Admin
    /// Its place among the listeners, which a reload keeps; see `keepingWhatIsFixed`.
    let index: Int
    /// Has its role, token, hosts and TLS, which a reload may change.
    let live: Live

    var bind: Admin.Bind { opened.bind }

    /// Asked at each request.
    var current: Admin {
        let all = live.view.snapshot.operations.admin
        guard all.indices.contains(index), all[index].bind == bind else { return opened }
        return all[index]
    }

    /// Throws unless the listener allows what takes `role`.
    func require(_ role: Admin.Role, for operation: AdminOperation) throws(AdminProblem) {
        let admin = current
        let granted = admin.grantedRole
        guard granted < role else { return }
        throw .otherDoor(operation, from: admin, hint: hint(to: role, from: admin))
    }

    /// What a caller can do about it. One that may see health and metrics alone is not told of the other listeners.
    private func hint(to role: Admin.Role, from admin: Admin) -> String {
        guard admin.grantedRole >= .read else {
            return "Ask a listener of the admin server with `role: \(role.rawValue)`."
        }
        let others = live.view.snapshot.operations.admin.filter { $0.grantedRole >= role }
        if !others.isEmpty {
            let binds = others.map { "`\($0.bind)`" + ($0.token == nil ? "" : ", which asks for a token") }
            return "Ask \(binds.joined(separator: ", or "))."
        }
        let socket = #"`{ bind: "unix:/run/apus/admin.sock" }`"#
        return admin.role < role
            ? "No listener has `role: \(role.rawValue)`. Add \(socket) to `admin` in the configuration, which takes an "
                + "upgrade or a restart; or give this listener a `token`, for which a reload will do."
            : "Changes need a token or a Unix socket: give this listener a `token`, or add \(socket)."
    }
}
