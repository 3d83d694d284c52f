import Apus
import ApusAddresses
import Glibc

/// What went wrong at the start, and what to do about it.
func explanation(of error: DataPlaneError, _ snapshot: Snapshot) -> String {
    switch error {
    case .snapshot(let error): return error.description
    case .bind(let address, let errno):
        let index = snapshot.listeners.firstIndex { $0.bind == address }
        let listener = index.map { "listener \($0 + 1) of \(snapshot.listeners.count)" } ?? "a listener"
        return explanation(of: errno, binding: address, as: "\(listener) (listeners: bind:)")
    case .accessLog(let path, let errno):
        return """
            cannot write the access log to \(path): \(DataPlaneError.logErrorText(errno)). \
            Name a file in a folder that this user may write to.
            """
    case .system(let call, let errno):
        return "the system refused \(call): \(systemErrorText(errno)). Look at `ulimit -a` for this user's limits."
    }
}

/// Why `address` could not be bound for `user`, and what to do about it.
func explanation(of errno: Int32, binding address: SocketAddress, as user: String) -> String {
    let advice =
        switch errno {
        case EADDRINUSE:
            """
            Something else listens there: `ss -ltnp 'sport = :\(address.port)'` shows what. Stop it, or choose another \
            port.
            """
        case EACCES, EPERM:
            """
            Ports below 1024 need a permission: choose a higher port, or give it to the binary with \
            `sudo setcap cap_net_bind_service=+ep FILE`.
            """
        case EADDRNOTAVAIL: "`ip address` lists the addresses this machine has; 0.0.0.0 and [::] stand for all of them."
        case EMFILE, ENFILE: "Raise the limit of open files: `ulimit -n` shows it."
        default: "Choose another address."
        }
    return "cannot listen on \(address) for \(user): \(systemErrorText(errno)). \(advice)"
}

/// Why the admin server's socket could not be bound, and what to do about it.
func explanation(of errno: Int32, bindingSocket path: String) -> String {
    let folder = path.lastIndex(of: "/").map { path[..<$0] } ?? ""
    let advice =
        switch errno {
        case EADDRINUSE:
            "Something else listens there, which `ss -lxp | grep \(path)` shows. Stop it, or choose another path."
        case ENOENT: "Its directory must exist: `install -d -m 750 -o USER -g GROUP \(folder)`, for who runs Apus."
        case EEXIST: "It is not a socket, and Apus removes nothing else. Remove it, or choose another path."
        case ENOTDIR: "\(folder) must be a directory. Remove the file that stands in its way, or choose another path."
        case EACCES, EPERM, EROFS: "This user must be able to write to \(folder)."
        default: "Choose another path."
        }
    return "cannot listen on \(path) for the admin server (admin: bind:): \(systemErrorText(errno)). \(advice)"
}

/// What to say at the start of a process that serves as root; nil for any other.
func warningOfRoot(_ snapshot: Snapshot) -> String? {
    guard geteuid() == 0 else { return nil }
    let remedy =
        snapshot.operations.user == nil
        ? "Add `process: { user: apus }` to the configuration" : "Name another user than root in `process`"
    return """
        Apus serves as root: a mistake in Apus, or somebody who may change its configuration, has the whole machine. \
        \(remedy) (`useradd --system --no-create-home --shell /usr/sbin/nologin apus` makes one), or start it as one, as \
        packaging/apus.service does; ports below 1024 go on working.
        """
}
