/// Secrets for what does not outlive this process.
public enum RandomSecret {
    /// 32 bytes from the system's generator of random numbers, which is made for secrets.
    public static func make() -> [UInt8] {
        var generator = SystemRandomNumberGenerator()
        return (0..<32).map { _ in UInt8.random(in: .min ... .max, using: &generator) }
    }
}
