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

    /// Runs `body`, which binds a socket, so that nobody else may connect to it before `open` is called.
    ///
    /// Files that other threads make meanwhile may get fewer permissions than they asked for, and never more.
    static func withPrivateFiles<Result>(
        for bind: Admin.Bind, isolation: isolated (any Actor)? = #isolation, _ body: () async throws -> Result
    ) async rethrows -> Result {
        guard case .unix = bind else { return try await body() }
        let before = umask(0o117)
        restored.withLock { $0 = before }
        defer { restore() }
        return try await body()
    }

    /// Lets the process's user and group connect.
    static func open(_ bind: Admin.Bind) {
        guard case .unix(let path) = bind else { return }
        restore()
        // SAFETY: the call reads a string that lives until it returns.
        _ = unsafe chmod(path, 0o660)
    }

    /// Takes the file away when nobody listens any more.
    static func remove(_ bind: Admin.Bind) {
        guard case .unix(let path) = bind else { return }
        _ = unsafe unlink(path)
    }

    private static func restore() {
        restored.withLock { mask in
            if let before = mask { _ = umask(before) }
            mask = nil
        }
    }

    /// The process's mask while another one is set.
    private static let restored = Mutex<mode_t?>(nil)
}
