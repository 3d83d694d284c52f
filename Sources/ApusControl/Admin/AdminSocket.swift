import ApusModel
import FoundationEssentials
import Glibc
import NIOCore
import NIOPosix
import Synchronization

/// The file of a Unix socket: who may connect (mode 0660), and what becomes of one that a dead process has left.
enum AdminSocket {
    /// Makes way for a socket: a file that nobody listens on any more will be replaced, one that somebody listens on is an
    /// error, and so is a file of another kind.
    static func prepare(_ bind: Admin.Bind, on group: any EventLoopGroup) async throws {
        guard case .unix(let path) = bind, FileManager.default.fileExists(atPath: path) else { return }
        let kind = try? FileManager.default.attributesOfItem(atPath: path)[.type] as? FileAttributeType
        guard kind == .typeSocket else { throw AdminServerError(bind, errno: EEXIST) }
        let connection = try? await ClientBootstrap(group: group).connect(unixDomainSocketPath: path).get()
        guard let connection else { return }
        try? await connection.close()
        throw AdminServerError(bind, errno: EADDRINUSE)
    }

    /// Runs `body`, which binds a socket, so that at no moment others than the process's user and group may connect to it.
    ///
    /// Files that other threads make until `open` is called may get fewer permissions than they asked for, and never more.
    static func withPrivateFiles<Result>(
        for bind: Admin.Bind, isolation: isolated (any Actor)? = #isolation, _ body: () async throws -> Result
    ) async rethrows -> Result {
        guard case .unix(let path) = bind else { return try await body() }
        mask.withLock { mask in
            if mask.paths.isEmpty { mask.before = umask(0o117) }
            mask.paths.insert(path)
        }
        defer { restore(path) }
        return try await body()
    }

    /// Sets the socket's mode, and returns what to warn of when others may connect nevertheless.
    static func open(_ bind: Admin.Bind) -> String? {
        guard case .unix(let path) = bind else { return nil }
        restore(path)
        // SAFETY: the call reads a string that lives until it returns.
        _ = unsafe chmod(path, 0o660)
        return warning(of: path)
    }

    /// What to warn of when others than the socket's user and group may connect to it, or put their own in its place.
    static func warning(of path: String) -> String? {
        let folder = path.lastIndex(of: "/").map { path[..<$0] } ?? ""
        guard let mode = Self.mode(of: path), let around = Self.mode(of: folder.isEmpty ? "/" : String(folder)) else {
            return nil
        }
        if mode & 0o002 != 0 {
            return
                "every user of this machine may use the admin server's socket \(path), and so change what Apus does: "
                + "its mode is \(String(mode, radix: 8)); put it into a directory of Apus's own, such as /run/apus"
        }
        // With the sticky bit, only its owner may take away a file.
        if around & 0o002 != 0, around & 0o1000 == 0 {
            return "every user of this machine may put another socket in the place of the admin server's, \(path): the "
                + "directory's mode is \(String(around, radix: 8)); put it into a directory of Apus's own, such as "
                + "/run/apus"
        }
        return nil
    }

    private static func mode(of path: String) -> Int? {
        let attributes = try? FileManager.default.attributesOfItem(atPath: path)
        return attributes?[.posixPermissions] as? Int
    }

    /// Takes the file away when nobody listens any more.
    static func remove(_ bind: Admin.Bind) {
        guard case .unix(let path) = bind else { return }
        _ = unsafe unlink(path)
    }

    private static func restore(_ path: String) {
        mask.withLock { mask in
            guard mask.paths.remove(path) != nil, mask.paths.isEmpty else { return }
            _ = umask(mask.before)
        }
    }

    /// The sockets that are being bound, and the process's mask as it was before the first of them.
    private static let mask = Mutex<(before: mode_t, paths: Set<String>)>((0, []))
}
