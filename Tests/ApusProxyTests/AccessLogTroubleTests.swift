import ApusModel
import ApusTransport
import Glibc
import Testing

@testable import ApusProxy

/// What is told of an access log that takes no lines, and how often.
@Suite struct AccessLogTroubleTests {
    private static let second: Int64 = 1_000_000

    private static func drained(_ errno: Int32? = nil, keeps: Bool = true, tookSome: Bool = false) -> Drained {
        var drained = Drained()
        drained.refusal = errno.map { Drained.Refusal(errno: $0, keepsLines: keeps) }
        drained.tookSome = tookSome
        return drained
    }

    private let full = drained(ENOSPC)
    private let broken = drained(EPIPE, keeps: false)
    private let unread = drained(0)
    private let well = drained(tookSome: true)
    private let nothing = drained()

    @Test func whoReadsNothingForASecondIsToldOf() {
        var trouble = AccessLogTrouble()
        #expect(trouble.news(unread, refusedWrites: 0, now: 0) == nil)
        #expect(trouble.news(unread, refusedWrites: 0, now: Self.second - 1) == nil)
        #expect(
            trouble.news(unread, refusedWrites: 0, now: Self.second)
                == .refused("nobody reads it", keepsLines: true, untold: 0))
        #expect(trouble.news(unread, refusedWrites: 7, now: 60 * Self.second) == nil, "once a minute")
        let still = AccessLogNews.Event.stillRefused("nobody reads it", dropped: 7)
        #expect(trouble.news(unread, refusedWrites: 7, now: 61 * Self.second) == still)
        #expect(trouble.news(unread, refusedWrites: 8, now: 62 * Self.second) == nil)
        #expect(trouble.news(well, refusedWrites: 9, now: 3001 * Self.second) == .resumed(dropped: 9))
    }

    @Test func whoReadsSlowlyIsNotTakenForGone() {
        var trouble = AccessLogTrouble()
        let slow = Self.drained(0, tookSome: true)
        for time in 0..<100 { #expect(trouble.news(slow, refusedWrites: 0, now: Int64(time) * Self.second) == nil) }
        let news = trouble.news(slow, refusedWrites: 3, now: 100 * Self.second)
        #expect(news == .dropped(3, .tooFast), "it reads, but not as fast as lines come")
    }

    @Test func dropsOfAnUnreadLogAreToldAtOnce() {
        var trouble = AccessLogTrouble()
        #expect(
            trouble.news(unread, refusedWrites: 1, now: 0) == .refused("nobody reads it", keepsLines: true, untold: 0))
    }

    @Test func dropsAreToldOnceAMinute() {
        var trouble = AccessLogTrouble()
        #expect(trouble.news(well, refusedWrites: 2, now: 0) == .dropped(2, .tooFast))
        #expect(trouble.news(well, refusedWrites: 5, now: 59 * Self.second) == nil)
        #expect(trouble.news(nothing, refusedWrites: 5, now: 60 * Self.second) == .dropped(3, .tooFast))
    }

    /// A disk that has room again for a moment, again and again.
    @Test func whatComesAndGoesIsToldOnceAMinute() {
        var trouble = AccessLogTrouble()
        var told: [AccessLogNews.Event] = []
        for time in 0..<90 {
            let drained = time % 2 == 0 ? full : well
            told += [trouble.news(drained, refusedWrites: time, now: Int64(time) * Self.second)].compactMap { $0 }
        }
        let reason = "No space left on device"
        #expect(
            told == [
                .refused(reason, keepsLines: true, untold: 0), .resumed(dropped: 1),
                .refused(reason, keepsLines: true, untold: 29), .resumed(dropped: 60),
            ])
    }

    @Test func whatIsThrownAwayIsNotSaidToWait() {
        var trouble = AccessLogTrouble()
        trouble.lose(4, nil)
        #expect(trouble.news(broken, refusedWrites: 0, now: 0) == .refused("Broken pipe", keepsLines: false, untold: 0))
        #expect(trouble.news(nothing, refusedWrites: 0, now: 1) == nil)
        trouble.lose(1, nil)
        #expect(trouble.news(broken, refusedWrites: 0, now: 2) == nil)
        #expect(trouble.news(well, refusedWrites: 0, now: 3) == .resumed(dropped: 5))
    }

    @Test func whatIsLostAtTheEndIsTold() {
        var trouble = AccessLogTrouble()
        _ = trouble.news(full, refusedWrites: 2, now: 0)
        trouble.lose(3, nil)
        #expect(
            trouble.news(full, refusedWrites: 2, now: 1, isLast: true)
                == .dropped(5, .refused("No space left on device")))
        var other = AccessLogTrouble()
        _ = other.news(well, refusedWrites: 2, now: 0)
        #expect(other.news(nothing, refusedWrites: 3, now: 1, isLast: true) == .dropped(1, .tooFast))
        #expect(other.news(nothing, refusedWrites: 3, now: 2, isLast: true) == nil)
    }

    @Test func theRestOfALineIsToldWithItsCause() {
        var trouble = AccessLogTrouble()
        trouble.lose(1, .reopened)
        #expect(trouble.news(well, refusedWrites: 0, now: 0) == .dropped(1, .reopened))
    }
}
