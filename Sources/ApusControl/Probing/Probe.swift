import ApusAddresses
import ApusBalancing
import ApusHTTP
import ApusModel
import ApusTLS
import Glibc
import NIOCore
import NIOPosix

/// One probe of one endpoint: a fresh connection and, unless connecting is all that is asked, one exchange on it.
///
/// The whole of it, from the first packet on, is bounded by the check's timeout. Time in which this process was too busy to
/// look is not the endpoint's (`ProbeClock`). Whatever the outcome, the connection is
/// closed and nothing is left behind: a probe that hangs costs a descriptor and a timer until its time runs out.
struct Probe {
    /// What is connected to: the endpoint's address, or the check's own port there.
    let address: ApusAddresses.SocketAddress
    let check: HealthCheck
    /// How it speaks TLS, and with whom; nil where it does not.
    let tls: (rules: PoolTLS, name: String)?
    /// What the connection begins with: a header of the PROXY protocol, or nothing.
    let opening: [UInt8]
    /// What a response's head may have.
    let limits: HeadLimits
    /// Descriptors from this one on are kept for others.
    let descriptorBound: Int32

    init(
        address: ApusAddresses.SocketAddress, check: HealthCheck, tls: (rules: PoolTLS, name: String)? = nil,
        proxyProtocol: ProxyProtocol? = nil, limits: Limits = Limits(), descriptorBound: Int32 = .max
    ) {
        // What listens at another port is another server.
        let isOwnPort = check.port == nil || check.port == address.port
        opening = isOwnPort ? proxyProtocol.map(ProxyHeader.bytesOfNobody) ?? [] : []
        self.tls = check.speaksTLS ? tls : nil
        self.descriptorBound = descriptorBound
        self.address = SocketAddress(ip: address.ip, port: check.port ?? address.port)
        self.check = check
        self.limits = HeadLimits(bytes: limits.headBytes, fields: limits.responseFields)
    }

    /// Runs on `eventLoop` and returns why the endpoint failed; nil when it passed. Of no meaning once the task is
    /// cancelled, which ends the probe at once.
    func run(on eventLoop: any EventLoop) async -> CheckFailure? {
        let failure = await verdict(on: eventLoop)
        guard failure?.shortage == .ports, await !isWithinReach(on: eventLoop) else { return failure }
        return .unreachable
    }

    /// Whether the next descriptor is one for probes. The system gives the lowest that is free.
    private var hasDescriptor: Bool {
        let next = fcntl(0, F_DUPFD_CLOEXEC, 0)
        // Without standard input, that is the one that is free.
        guard next >= 0 else { return errno != EMFILE }
        close(next)
        return next < descriptorBound
    }

    private func verdict(on eventLoop: any EventLoop) async -> CheckFailure? {
        let verdict = eventLoop.makePromise(of: CheckFailure?.self)
        eventLoop.execute { start(on: eventLoop, verdict: verdict) }
        return await withTaskCancellationHandler {
            do {
                return try await verdict.futureResult.get()
            } catch {
                // The promise is never failed; a loop that shuts down may do it.
                return .connectionClosed
            }
        } onCancel: {
            verdict.succeed(.connectionClosed)
        }
    }

    /// Whether this machine has an address from which it could reach the endpoint: without, the system says of a connection what
    /// it says where no local port is left. Nothing is sent.
    private func isWithinReach(on eventLoop: any EventLoop) async -> Bool {
        do {
            let target = try NIOCore.SocketAddress(ipAddress: "\(address.ip)", port: Int(address.port))
            let channel = try await DatagramBootstrap(group: eventLoop).connect(to: target).get()
            try? await channel.close()
            return true
        } catch let error as IOError {
            return CheckFailure(errno: error.errnoCode).shortage == .descriptors
        } catch {
            return true
        }
    }

    /// Connects and starts the clock; on the event loop. The first verdict counts.
    private func start(on eventLoop: any EventLoop, verdict: EventLoopPromise<CheckFailure?>) {
        // Here, where no other probe begins between the question and the socket.
        guard descriptorBound == .max || hasDescriptor else { return verdict.succeed(CheckFailure(errno: EMFILE)) }
        let limit = TimeAmount(check.timeout)
        let connecting = ClientBootstrap(group: eventLoop)
            // The clock ends it sooner: the bootstrap's own takes time in which Apus was busy for the endpoint's.
            .connectTimeout(.hours(24))
            .channelInitializer { channel in
                // Whatever the verdict, and also while it still connects.
                verdict.futureResult.whenComplete { _ in channel.close(promise: nil) }
                return channel.eventLoop.makeCompletedFuture { try configure(channel, verdict: verdict) }
            }
            .connect(to: address)
        ProbeClock.start(limit, on: eventLoop, verdict, connecting: connecting)
        connecting.whenComplete { result in
            switch result {
            case .success: if check.probe == .tcp, tls == nil, opening.isEmpty { verdict.succeed(nil) }
            case .failure(let error as IOError): verdict.succeed(CheckFailure(errno: error.errnoCode))
            case .failure: verdict.succeed(.connectTimedOut)
            }
        }
    }

    private func configure(_ channel: any Channel, verdict: EventLoopPromise<CheckFailure?>) throws {
        let pipeline = channel.pipeline.syncOperations
        if !opening.isEmpty {
            let isAll = check.probe == .tcp && tls == nil
            try pipeline.addHandler(ProbeOpening(opening, isAll: isAll, verdict: verdict))
        }
        if let tls {
            let conversation = try TLSConversation(tls.rules, to: tls.name, at: address)
            try pipeline.addHandler(TLSProbeLayer(conversation, isAll: check.probe == .tcp, verdict: verdict))
        }
        switch check.probe {
        case .none, .tcp: break
        case .tcpExchange(let send, let expect):
            try pipeline.addHandler(TCPProbeExchange(send: send, expect: expect, verdict: verdict))
        case .http(let probe):
            try pipeline.addHandler(HTTPProbeExchange(probe, address: address, limits: limits, verdict: verdict))
        }
    }
}

extension ClientBootstrap {
    fileprivate func connect(to address: ApusAddresses.SocketAddress) -> EventLoopFuture<any Channel> {
        do {
            return connect(to: try NIOCore.SocketAddress(ipAddress: "\(address.ip)", port: Int(address.port)))
        } catch {
            // Every IP address reads back from its own text.
            preconditionFailure("\(address) is not an address: \(error)")
        }
    }
}
