import Foundation

extension TestCertificates {
    /// The signature that `openssl` makes of a message, with a key that it alone reads.
    ///
    /// - Parameters:
    ///   - algorithm: 0x0403 or 0x0804, as TLS 1.3 numbers them (RFC 8446 section 4.2.3).
    ///   - key: the name of the key's file.
    public static func signature(of message: [UInt8], by algorithm: UInt16, _ key: String) throws -> [UInt8] {
        let isPSS = algorithm == 0x0804
        guard isPSS || algorithm == 0x0403 else { throw KitError.timedOut("a signature of kind \(algorithm)") }
        let process = Process()
        process.executableURL = URL(filePath: "/usr/bin/openssl")
        process.arguments =
            ["dgst", "-sha256", "-sign", path(key)]
            + (isPSS ? ["-sigopt", "rsa_padding_mode:pss", "-sigopt", "rsa_pss_saltlen:digest"] : [])
        let (input, output) = (Pipe(), Pipe())
        (process.standardInput, process.standardOutput) = (input, output)
        try process.run()
        try input.fileHandleForWriting.write(contentsOf: Data(message))
        try input.fileHandleForWriting.close()
        let signature = [UInt8](output.fileHandleForReading.readDataToEndOfFile())
        process.waitUntilExit()
        return signature
    }
}
