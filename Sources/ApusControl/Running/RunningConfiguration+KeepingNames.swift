import ApusBalancing
import ApusConfig
import FoundationEssentials
import Logging

/// What names stand for outlives the process, for a start while the name service is away.
extension RunningConfiguration {
    /// How long what is written may be wrong about when a name was last found, while it stands for the same.
    private static let longestUnwritten: Int64 = 600
    /// How long after something could not be written it is tried again, in microseconds.
    static let retryPause: Int64 = 10_000_000

    /// Seconds since 1970.
    static var secondsNow: Int64 { Int64(Date().timeIntervalSince1970) }

    /// What names stand for, and when that was found.
    var knownNames: KeptNames { names.known(now: Prober.now, wallClock: Self.secondsNow) }

    /// Has the state directory know what the names stand for, if it does not yet. Nobody waits for the disk, and one that
    /// refused is left alone for a while.
    func keepNames() {
        guard let store, keepingNames == nil, !isHandingOver, !hasSuccessor else { return }
        if let namesRetry, namesRetry > Prober.now { return }
        let known = knownNames
        let isLater = known.latest - keptNames.latest >= Self.longestUnwritten
        guard isLater || !known.hasAddresses(of: keptNames) else { return }
        keepingNames = Task {
            let (isWritten, note) = await write(known, to: store)
            if let note, note != namesNote { logger.warning("\(note)") }
            namesNote = note
            keepingNames = nil
            if isWritten { keptNames = known }
            namesRetry = isWritten ? nil : Prober.now + Self.retryPause
            // They may have moved meanwhile.
            keepNames()
        }
    }

    /// - Returns: whether it is in the state directory, and what went wrong, in words.
    private func write(_ known: KeptNames, to store: RevisionStore) async -> (isWritten: Bool, note: String?) {
        let consequence = "after a restart while the name service is away, they have no address"
        do {
            return try await stateFiles.run { isGivenUp -> (Bool, String?) in
                do {
                    // One that nobody waits for is written again, with what is known then.
                    let leftOut = try store.keep(known, unless: isGivenUp)
                    guard leftOut > 0 else { return (true, nil) }
                    return (
                        true,
                        "\(leftOut) of \(known.names.count) host names have no room in the state directory, which keeps "
                            + "\(KeptNames.mostAddresses) addresses: \(consequence)"
                    )
                } catch {
                    return (false, "what host names stand for could not be kept: \(consequence): \(error)")
                }
            }
        } catch {
            return (false, "what host names stand for could not be kept: \(consequence): the disk does not answer")
        }
    }

    /// What is said of a name that stands for what was kept of it.
    static func words(of name: String, keeping kept: KeptNames.Name, now: Int64) -> String {
        "the host name \(name) has no address now: \(list(kept.addresses)) of before this start "
            + "\(kept.addresses.count == 1 ? "is" : "are") used, last found \(age(kept.age(at: now))) ago, until it is found again"
    }

    /// `12 s`, `5 min`, `3 h`, `2 days`.
    private static func age(_ seconds: Int64) -> String {
        switch seconds {
        case ..<120: "\(seconds) s"
        case ..<7_200: "\(seconds / 60) min"
        case ..<172_800: "\(seconds / 3_600) h"
        default: "\(seconds / 86_400) days"
        }
    }
}
