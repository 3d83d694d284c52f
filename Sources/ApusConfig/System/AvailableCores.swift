import FoundationEssentials

/// The cores that this process may run on.
public enum AvailableCores {
    /// How many, at least 1: those that the process's affinity (`taskset`, a container's cpuset) leaves it.
    public static var count: Int { max(1, ProcessInfo.processInfo.activeProcessorCount) }
}
