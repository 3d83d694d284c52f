import ApusBalancing
import ApusTransport

/// The room of what is told of requests: counters, and the access log.
struct Records {
    var counters: CounterBank
    /// Nil without an access log.
    var log: AccessLogWriter?
    /// Draws the requests that are logged where not all are.
    var sampling: SplitMix64
    /// The Date of the responses that Apus makes.
    var date = DateField()
}
