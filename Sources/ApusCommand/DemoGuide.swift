import Foundation

/// What the demo tells its user.
struct DemoGuide {
    let welcome: String

    /// - Parameter socket: the path of the admin server's socket.
    init(command: DemoCommand, origins: [DemoOrigin], socket: String) {
        let address = "http://127.0.0.1:\(command.port)/"
        let slow = origins[2]
        let table = origins.map { origin in
            "    \(origin.name.padding(toLength: 8, withPad: " ", startingAt: 0))"
                + "127.0.0.1:\(origin.port)   pid \(origin.processIdentifier)   answers after \(origin.delay) ms"
        }
        welcome = """

            Apus listens on \(address) and balances over
            \(table.joined(separator: "\n"))

            Try, in another terminal:

              one request
                curl \(address)

              two hundred, twenty at a time: the faster an origin, the more it gets
                seq 200 | xargs -P 20 -I{} curl -s \(address) | sort | uniq -c

              what Apus counts, and whether it is ready
                curl -s http://127.0.0.1:\(command.adminPort)/metrics | grep apus_requests_total
                curl http://127.0.0.1:\(command.adminPort)/readyz

              send an origin nothing new, and let it take part again
                \(Self.program) drain demo 127.0.0.1:\(slow.port) --admin unix:\(socket)
                \(Self.program) undrain demo 127.0.0.1:\(slow.port) --admin unix:\(socket)

              kill an origin and watch it leave, while requests go on without an error
                kill \(slow.processIdentifier)

              bring it back
                \(slow.command(Self.program))

            Ctrl-C drains and ends everything.

            """
    }

    /// Tells that `origin` has ended and how to bring it back.
    static func farewell(to origin: DemoOrigin) -> @Sendable () -> Void {
        let text = "Origin \(origin.name) has ended. Bring it back with: \(origin.command(program))"
        return { say(text) }
    }

    /// This program, as it was called.
    private static var program: String { CommandLine.arguments.first ?? "apus" }
}
