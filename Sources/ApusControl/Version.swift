/// The version of Apus, in the one place that names it.
public enum Version {
    /// By semantic versioning.
    public static let current = "0.1.0"

    /// The Swift compiler's version, major and minor, that built this binary.
    public static var swift: String {
        #if compiler(>=6.4)
            "6.4 or later"
        #elseif compiler(>=6.3)
            "6.3"
        #else
            "6.2"
        #endif
    }
}
