import FoundationEssentials

/// The name of this machine.
public enum HostName {
    /// The host's name as far as it is one that a node may have (`checkedName`); else `apus`.
    public static var current: String { nodeName(ofHost: ProcessInfo.processInfo.hostName) }

    static func nodeName(ofHost host: String) -> String { isName(host) ? host : "apus" }
}
