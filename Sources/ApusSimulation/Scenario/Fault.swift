/// Something that happens to an origin at a moment of a simulation.
public struct Fault: Sendable, Equatable {
    public enum Kind: Sendable, Equatable {
        /// Its process is killed: connections are refused, and what it had is reset.
        case kill
        /// Its process stops (SIGSTOP): connections are accepted, nothing answers.
        case hang
        /// Packets to it are dropped: connections to it time out.
        case cutOff
        /// Its work takes so many times longer.
        case slow(factor: Double)
        /// It answers this share of its requests with 503 at once, without working on them.
        case errors(share: Double)
        /// It is killed, revived, killed and so on, one after the other every so many microseconds.
        case flap(period: VirtualTime)
        /// It serves again, cured of everything.
        case revive
    }

    /// The endpoint, as an index within the simulated pool.
    public var endpoint: Int
    public var at: VirtualTime
    public var kind: Kind

    public init(endpoint: Int, at: VirtualTime, _ kind: Kind) {
        self.endpoint = endpoint
        self.at = at
        self.kind = kind
    }
}

extension Fault.Kind: CustomStringConvertible {
    public var description: String {
        switch self {
        case .kill: "is killed"
        case .hang: "hangs: accepts and never answers"
        case .cutOff: "is cut off: its packets are dropped"
        case .slow(let factor): "is \(factor.text) times slower"
        case .errors(let share): "answers \((share * 100).text)% of its requests with 503"
        case .flap(let period): "flaps: dies, or returns, every \(period.durationText)"
        case .revive: "is well again"
        }
    }

    /// The same in a picture, where there is little room.
    var shortText: String {
        switch self {
        case .kill: "killed"
        case .hang: "hangs"
        case .cutOff: "cut off"
        case .slow(let factor): "\(factor.text)x slower"
        case .errors(let share): "\((share * 100).text)% errors"
        case .flap(let period): "flaps, \(period.durationText)"
        case .revive: "well again"
        }
    }
}
