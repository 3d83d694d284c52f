import ApusBalancing
import ApusHTTP
import ApusModel
import Testing

@testable import ApusExchange

/// What follows from a fact, each by its table.
@Suite struct ExchangeStateTests {
    /// An exchange whose request has been forwarded, and whose response is as far as that.
    static func state(
        _ phase: ExchangeState.ResponsePhase = .awaited, request: BodyFraming = .none, response: BodyFraming = .none,
        _ change: (inout ExchangeState) -> Void = { _ in }
    ) -> ExchangeState {
        var state = ExchangeState()
        state.hasHead = true
        state.clientKeepsAlive = true
        state.request = BodyRelay(request, isChunkedOut: request == .chunked)
        state.response = BodyRelay(response, isChunkedOut: response == .chunked)
        state.responsePhase = phase
        change(&state)
        return state
    }

    /// In short: `answer badResponse`.
    static func words(_ next: Next) -> String {
        switch next {
        case .goesOn: "goes on"
        case .waits: "waits"
        case .visit: "visit"
        case .attemptFailed(let failure):
            "failed \(failure.kind) \(failure.reason)" + (failure.blamesEndpoint ? "" : ", nobody's fault")
                + (failure.endsBoth ? ", both" : "")
        case .answer(let reason): "answer \(reason)"
        case .breakOff(let reason): "reset \(reason)"
        case .over: "over"
        }
    }

    /// The send that failed has told of it.
    @Test func anOriginThatEndsAndTakesNoMoreOfTheRequestHasResetIt() {
        var state = Self.state(request: .length(5)) { $0.requestWasAbandoned = true }
        #expect(
            Self.words(state.originEnded(hasPart: false, wasUsed: false)) == "failed freshConnectionDied upstreamReset")
    }

    // MARK: The client's connection ends

    @Test func aClientThatEndsItsDirectionHasLeft() {
        for phase in [ExchangeState.ResponsePhase.awaited, .begun] {
            #expect(Self.words(Self.state(phase).clientEnded(isServed: false)) == "reset clientClosed")
            #expect(Self.words(Self.state(phase).clientEnded(isServed: true)) == "goes on")
        }
        #expect(Self.words(Self.state(.complete).clientEnded(isServed: false)) == "goes on", "what is there is sent")
    }

    // MARK: No connection can be made

    @Test(
        arguments: [
            (.refused, "failed connectRefused connectFailed"), (.timedOut, "failed connectTimedOut connectTimeout"),
            (.unreachable, "failed connectRefused connectFailed"), (.reset, "failed connectRefused connectFailed"),
            (.system(errno: 13), "failed connectRefused connectFailed"),
            (.shortage(.ports), "failed connectRefused portLimit, nobody's fault"),
            (.shortage(.descriptors), "failed connectRefused descriptorLimit, nobody's fault"),
            (.shortage(.memory), "failed connectRefused memoryLimit, nobody's fault"),
        ] as [(ConnectFailure, String)])
    func aConnectionThatCouldNotBeMade(cause: ConnectFailure, expected: String) {
        #expect(Self.words(.attemptFailed(AttemptFailure(cause))) == expected)
    }

    // MARK: The origin's connection ends

    @Test func anOriginThatClosesBeforeItsResponse() {
        var state = Self.state()
        #expect(
            Self.words(state.originEnded(hasPart: false, wasUsed: false)) == "failed freshConnectionDied upstreamClosed"
        )
        #expect(
            Self.words(state.originEnded(hasPart: false, wasUsed: true))
                == "failed reusedConnectionDied upstreamClosed, nobody's fault")
        #expect(Self.words(state.originEnded(hasPart: true, wasUsed: true)) == "failed badResponse upstreamClosed")
        #expect(
            Self.words(state.originBroke(hasPart: false, wasUsed: false)) == "failed freshConnectionDied upstreamReset")
    }

    /// Only a body that ends with its connection is whole then.
    @Test(arguments: [
        (BodyFraming.untilClose, "goes on"), (.length(5), "reset upstreamTruncated"),
        (.chunked, "reset upstreamTruncated"),
    ])
    func anOriginThatClosesWithinItsResponse(framing: BodyFraming, expected: String) {
        var state = Self.state(.begun, response: framing)
        #expect(Self.words(state.originEnded(hasPart: false, wasUsed: true)) == expected)
        #expect(
            Self.words(Self.state(.begun, response: framing).originBroke(hasPart: false, wasUsed: true))
                == "reset upstreamTruncated")
    }

    // MARK: Whose fault it is

    @Test func nobodyMovesBeforeAResponse() {
        let whole = Self.state()
        #expect(
            Self.words(whole.timedOut(originStalls: false, clientStalls: false))
                == "failed responseHeadTimedOut responseHeadTimeout, both")
        let half = Self.state(request: .length(5))
        #expect(Self.words(half.timedOut(originStalls: false, clientStalls: false)) == "answer requestBodyTimeout")
        #expect(
            Self.words(half.timedOut(originStalls: true, clientStalls: false))
                == "failed responseHeadTimedOut responseHeadTimeout, both")
        let inPipe = Self.state(request: .length(5)) { ($0.pipeBytes, $0.pipeDirection) = (3, .request) }
        #expect(Self.words(inPipe.timedOut(originStalls: false, clientStalls: false)).hasPrefix("failed"))
        let expecting = Self.state(request: .length(5)) { $0.awaitsContinue = true }
        #expect(Self.words(expecting.timedOut(originStalls: false, clientStalls: false)).hasPrefix("failed"))
        let abandoned = Self.state(request: .length(5)) { $0.requestWasAbandoned = true }
        #expect(Self.words(abandoned.timedOut(originStalls: false, clientStalls: false)).hasPrefix("failed"))
    }

    @Test func nobodyMovesWithinAResponse() {
        let state = Self.state(.begun, response: .length(9))
        #expect(Self.words(state.timedOut(originStalls: false, clientStalls: false)) == "reset responseBodyTimeout")
        #expect(Self.words(state.timedOut(originStalls: false, clientStalls: true)) == "reset clientStalled")
        let inPipe = Self.state(.begun, response: .length(9)) { $0.pipeBytes = 4 }
        #expect(Self.words(inPipe.timedOut(originStalls: false, clientStalls: false)) == "reset clientStalled")
        let sent = Self.state(.complete)
        #expect(Self.words(sent.timedOut(originStalls: false, clientStalls: true)) == "reset clientStalled")
    }

    @Test func slownessIsAnsweredWhereThereIsNoResponse() {
        #expect(Self.words(Self.state(request: .chunked).tooSlow(isClients: true)) == "answer requestBodyTooSlow")
        #expect(Self.words(Self.state(.begun).tooSlow(isClients: true)) == "reset clientTooSlow")
        #expect(Self.words(Self.state(.begun).tooSlow(isClients: false)) == "reset responseBodyTooSlow")
    }

    // MARK: Responses and answers

    @Test func badResponsesAreAnsweredAndBadBodiesBrokenOff() {
        var state = Self.state(.begun)
        #expect(Self.words(state.responseRefused(.badChunk, isHeadPending: false)) == "reset badResponseBody")
        #expect(
            Self.words(state.responseRefused(.badFieldName, isHeadPending: true)) == "failed badResponse badResponse")
        #expect(state.responsePhase == .awaited)
        #expect(
            Self.words(state.responseRefused(.responseHeadTooLarge, isHeadPending: true))
                == "failed badResponse responseHeadTooLarge")
        #expect(
            Self.words(state.responseRefused(.unexpectedUpgrade, isHeadPending: true))
                == "failed badResponse unexpectedUpgrade")
    }

    /// What has begun cannot become another answer, and some reasons are no answers.
    @Test func onlyWhatHasNotBegunIsAnswered() {
        #expect(Self.state().mayAnswer(.memoryLimit))
        #expect(!Self.state(.begun).mayAnswer(.memoryLimit) && !Self.state(.complete).mayAnswer(.memoryLimit))
        #expect(!Self.state().mayAnswer(.clientClosed))
    }

    /// How long an answer of Apus's own is, is what was said when it was made, and not what an origin had begun.
    @Test func theBodyThatCountsIsTheOneThatWasSent() {
        var state = Self.state(.begun, response: .length(9)) { $0.response.passedOn(4) }
        #expect(state.responseBodyBytes == 4)
        state.answerBegins(.memoryLimit, status: 503, leaving: .kept)
        state.answerBodyBytes = 30
        #expect(state.responseBodyBytes == 30)
    }

    // MARK: How the client's connection fares

    private static func answered(
        _ state: ExchangeState, _ reason: Reason?, leaving: ConnectionEnd = .kept
    ) -> ConnectionEnd {
        var state = state
        state.answerBegins(reason, status: reason?.status ?? 200, leaving: leaving)
        return state.end
    }

    @Test func connectionsAfterAnswers() {
        let whole = Self.state()
        #expect(Self.answered(whole, .noRoute) == .kept)
        #expect(Self.answered(whole, nil, leaving: .draining) == .draining)
        #expect(Self.answered(Self.state { $0.clientKeepsAlive = false }, nil, leaving: .draining) == .clientAsked)
        let half = Self.state(request: .length(5))
        #expect(Self.answered(half, .requestBodyTimeout) == .requestBodyTimeout)
        #expect(Self.answered(half, .bodyTooLarge) == .requestRefused)
        #expect(Self.answered(half, .memoryLimit) == .memoryLimit)
        #expect(Self.answered(half, .noHealthyEndpoint) == .earlyResponse)
        #expect(Self.answered(Self.state(request: .length(5)) { $0.clientKeepsAlive = false }, nil) == .clientAsked)
        // What was no request asked for nothing.
        let none = Self.state { state in
            (state.hasHead, state.clientKeepsAlive, state.requestWasAbandoned) = (false, false, true)
        }
        #expect(Self.answered(none, .badRequestLine) == .requestRefused)
        #expect(Self.answered(none, .noHealthyEndpoint) == .earlyResponse)
        // What was decided before stays.
        #expect(Self.answered(Self.state { $0.end = .memoryLimit }, .noRoute, leaving: .draining) == .memoryLimit)
    }

    /// A client must never take the end of its connection for the end of a response that was cut.
    @Test func whatWasCutEndsWithAReset() {
        func needsReset(
            _ phase: ExchangeState.ResponsePhase, _ framing: BodyFraming, _ version: Version, inChunks: Bool = false
        ) -> Bool {
            var state = Self.state(phase) { $0.version = version }
            state.response = BodyRelay(framing, isChunkedOut: inChunks)
            defer { #expect(state.end == .upstreamTruncated && state.reason == .upstreamTruncated) }
            return state.breaksOff(.upstreamTruncated)
        }
        #expect(needsReset(.begun, .untilClose, .http11))
        #expect(!needsReset(.begun, .untilClose, .http11, inChunks: true), "the last chunk is missing")
        #expect(!needsReset(.begun, .length(5), .http11) && !needsReset(.begun, .chunked, .http11, inChunks: true))
        #expect(needsReset(.begun, .length(5), .http10) && needsReset(.awaited, .none, .http10))
    }
}
