import ApusModel
import ApusProxy
import ApusTestKit

/// What a data plane has told of refusals.
///
/// - Parameter count: how many were refused when it is enough; nil for all until the end.
func refusals(of proxy: Proxy, until count: Int? = nil) async -> [RefusalNews] {
    var refusals: [RefusalNews] = []
    for await report in proxy.dataPlane.facts {
        if case .refused(let refusal) = report.fact { refusals.append(refusal) }
        if let count, refusals.reduce(0, { $0 + $1.event.count }) >= count { break }
    }
    return refusals
}

extension RefusalNews.Event {
    var count: Int {
        switch self {
        case .turnedAway(_, let count), .cameBack(_, _, let count), .ledBack(_, let count),
            .handshakeFailed(_, _, let count), .proxyHeaderRefused(_, _, let count):
            count
        }
    }
}
