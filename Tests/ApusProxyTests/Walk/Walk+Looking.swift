import Glibc

@testable import ApusProxy

/// What must hold after each turn, of each line of the access log, and at rest.
extension Walk {
    /// Whether what the log gives as the reason can be the reason.
    func look(at line: WalkLog.Line) {
        let asked = world.asked[line.id]
        switch line.reason {
        case "request_body_timeout", "request_body_too_slow":
            // Of one that reads at once, the line is written when it is given up.
            if let sent = asked.sentAt, network.now - sent > 3_500_000, !asked.breaks,
                let client = world.clients.first(where: { $0.number == asked.client }),
                !client.habits.readsSlowly, !client.habits.pipelines
            {
                world.fault("request \(line.id) was sent whole long before it is given up for its client")
            }
        case "client_too_slow", "client_stalled":
            // One that had nothing to read for longer than a window of the rate was not slow.
            guard let client = world.clients.first(where: { $0.number == asked.client }) else { return }
            if client.waitedFor > 1_200_000 {
                world.fault("request \(line.id) is given up for its client, which had nothing to read")
            }
        case "client_closed":
            if !asked.clientHasLeft { world.fault("the client of \(line.id) is said to have left") }
        case "response_body_timeout":
            guard asked.answers.count == 1, let token = asked.answers.first else { return }
            let limit = world.given[token].isStream ? WalkSnapshots.silence.stream : WalkSnapshots.silence.body
            let silence = network.now - world.given[token].sentAt
            if silence < limit { world.fault("the response \(token) to \(line.id) is given up after \(silence)") }
        case "loop_detected":
            if !asked.isLoop { world.fault("request \(line.id) is said to go around") }
        case "port_limit", "descriptor_limit":
            let errno = line.reason == "port_limit" ? EADDRNOTAVAIL : EMFILE
            if network.lackedAt[errno] ?? 0 < asked.beganAt {
                world.fault("request \(line.id) is refused for \(line.reason), and nothing was lacking")
            }
        default: break
        }
    }

    /// The worker takes a turn. Connections that failed for want of something count against no endpoint.
    func takeTurn() {
        let (shared, opened) = (hand.worker.proxy.shared, network.openedCount)
        let failures = hand.connectFailures
        let most = hand.connectingCount
        let steps = world.engines.stepsWithClients
        hand.turn()
        if world.engines.stepsWithClients - steps > Clients.handshakeStepsAtOnce {
            world.fault("\(world.engines.stepsWithClients - steps) steps of handshakes in one turn")
        }
        world.turns += 1
        guard hand.worker.proxy.shared === shared else { return }
        let failed = hand.connectFailures - failures
        if failed > most + network.openedCount - opened {
            world.fault("\(failed) connects failed, of \(most) and \(network.openedCount - opened) more")
        }
    }

    /// Nothing is under way: all must have come back, and be told.
    func rest(_ when: String) {
        for left in hand.leftovers(network) { world.fault("\(when): \(left)") }
        for asked in world.asked where asked.lines > 0 {
            guard let got = asked.bodyBytes, got != asked.loggedBytes else { continue }
            world.fault("\(when): request \(asked.id) got \(got) bytes of a body, and \(asked.loggedBytes) are logged")
        }
        guard !world.isShortOfMemory else { return }
        for asked in world.asked where asked.lines == 0 && !asked.isBad {
            if asked.wasAnswered || asked.heads > 0 { world.fault("\(when): request \(asked.id) is not in the log") }
        }
    }
}
