import FoundationEssentials

/// The environment that this process was started with.
public enum Environment {
    /// The value of a variable; nil when it is not set.
    public static func value(of name: String) -> String? { ProcessInfo.processInfo.environment[name] }
}
