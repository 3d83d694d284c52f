import ApusHTTP
import ApusModel
import Logging

/// The log's lines about endpoints that give requests no response: one in a while for each endpoint.
typealias SilenceLog = Throttle<Int, Silence>

/// What the last of those requests came to, and how its endpoint refused the handshake, if it did.
struct Silence: Sendable {
    let reason: Reason
    let fault: HandshakeFault?
}

extension SilenceLog {
    /// The least time between two lines about one endpoint, in microseconds.
    static var usualPause: Int64 { 10_000_000 }

    /// Endpoints have other indices now.
    mutating func adopt(_ endpoints: Renaming) {
        guard !endpoints.isIdentity else { return }
        rename { endpoints.toNew[$0] }
    }
}

extension Prober {
    func log(_ silence: SilenceLog.Telling) {
        let words = silence.news.fault.map { " (\($0))" } ?? ""
        let (reason, count) = (silence.news.reason, silence.count)
        let seconds = max(1, (silence.time + 500_000) / 1_000_000)
        let within = silence.time == 0 ? "" : " in the last \(seconds) s"
        func counted(_ thing: String) -> String {
            if silence.time == 0 { return count == 1 ? "a \(thing)" : "\(count) \(thing)s" }
            return "\(count) more \(thing)\(count == 1 ? "" : "s")"
        }
        let what =
            reason.isOfResponseBodies ? "broke off \(counted("response"))" : "gave \(counted("request")) no response"
        logger.warning("\(name(silence.cause)) \(what)\(within): \(reason.token)\(words)")
    }

    /// The time over which something was counted.
    static func within(_ time: Int64) -> String { time == 0 ? "" : " in \(max(1, (time + 500_000) / 1_000_000)) s" }
}
