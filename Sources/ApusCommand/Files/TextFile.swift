import Apus
import Foundation
import Glibc

/// A text file that is read, and replaced whole: whoever reads it meanwhile, and whoever reads it after a crash, has the
/// old text or the new one.
struct TextFile {
    let path: String

    struct Failure: Error, CustomStringConvertible {
        let description: String
    }

    func read() throws(Failure) -> String {
        let data: Data
        do {
            data = try Data(contentsOf: URL(fileURLWithPath: path))
        } catch {
            throw Failure(description: "cannot read \(path): \(Self.reason(error))")
        }
        guard let text = String(data: data, encoding: .utf8) else {
            throw Failure(description: "\(path) is not UTF-8 text. Save it as UTF-8.")
        }
        return text
    }

    /// Writes beside the file, then takes its place; mode and owner stay, as far as this user may set them. A symbolic
    /// link stays one: what it points to is replaced.
    func replace(with text: String) throws(Failure) {
        let target = URL(fileURLWithPath: path).resolvingSymlinksInPath().path
        var status = stat()
        guard unsafe stat(target, &status) == 0 else { throw failure("look at", errno) }
        let fresh = "\(target).apus-\(getpid())"
        let descriptor = unsafe open(fresh, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, status.st_mode & 0o7777)
        guard descriptor >= 0 else { throw failure("write beside", errno) }
        do throws(Failure) {
            defer { close(descriptor) }
            // Before the mode: changing the owner takes some of it away. Only root may give files away.
            _ = fchown(descriptor, status.st_uid, status.st_gid)
            guard fchmod(descriptor, status.st_mode & 0o7777) == 0 else { throw failure("set the mode of", errno) }
            do {
                try FileHandle(fileDescriptor: descriptor, closeOnDealloc: false).write(contentsOf: Data(text.utf8))
            } catch {
                throw Failure(description: "cannot write \(path): \(Self.reason(error))")
            }
            guard fsync(descriptor) == 0 else { throw failure("write", errno) }
        } catch {
            unsafe unlink(fresh)
            throw error
        }
        guard unsafe rename(fresh, target) == 0 else {
            let code = errno
            unsafe unlink(fresh)
            throw failure("replace", code)
        }
        syncFolder(of: target)
    }

    /// The new name is not safe from a crash before its folder is written.
    private func syncFolder(of target: String) {
        let folder = URL(fileURLWithPath: target).deletingLastPathComponent().path
        let descriptor = unsafe open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard descriptor >= 0 else { return }
        fsync(descriptor)
        close(descriptor)
    }

    private func failure(_ doing: String, _ code: Int32) -> Failure {
        Failure(description: "cannot \(doing) \(path): \(systemErrorText(code))")
    }

    private static func reason(_ error: any Error) -> String {
        if let underlying = (error as? CocoaError)?.underlying as? POSIXError {
            return systemErrorText(underlying.code.rawValue)
        }
        return error.localizedDescription
    }
}
