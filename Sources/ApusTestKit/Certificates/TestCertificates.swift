import Glibc

/// The certificates of the tests (`scripts/test-certificates` makes them).
public enum TestCertificates {
    private static let folder: String = {
        let root = #filePath.split(separator: "/").dropLast(4).joined(separator: "/")
        return "/\(root)/Tests/Certificates"
    }()

    /// The path of one of their files, such as `site.pem`.
    public static func path(_ name: String) -> String { "\(folder)/\(name)" }

    public static func bytes(_ name: String) throws -> [UInt8] {
        guard let file = unsafe fopen(path(name), "r") else { throw KitError.timedOut("opening \(path(name))") }
        defer { unsafe fclose(file) }
        var bytes = [UInt8](repeating: 0, count: 64 << 10)
        let count = unsafe fread(&bytes, 1, bytes.count, file)
        return Array(bytes[..<count])
    }
}
