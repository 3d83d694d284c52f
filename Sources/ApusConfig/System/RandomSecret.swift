/// Secrets for what does not outlive this process.
public enum RandomSecret {
    /// The same 32 bytes throughout this process, from the system's generator of random numbers, which is made for secrets:
    /// what they have signed stays good when the configuration is loaded again.
    public static let ofThisProcess = make()

    /// 32 other bytes at each call.
    public static func make() -> [UInt8] {
        var generator = SystemRandomNumberGenerator()
        return (0..<32).map { _ in UInt8.random(in: .min ... .max, using: &generator) }
    }
}
