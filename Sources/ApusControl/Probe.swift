import ApusBalancing
import ApusModel
import NIOCore
import NIOHTTP1
import NIOPosix

/// One probe of one endpoint: a fresh connection and, for an HTTP check, one request on it.
///
/// The whole of it, from the first packet on, is bounded by the check's timeout. Whatever the outcome, the connection is
/// closed and nothing is left behind: a probe that hangs costs a descriptor and a timer until its time runs out.
struct Probe {
    let address: ApusModel.SocketAddress
    let check: HealthCheck

    /// Runs on `eventLoop` and returns why the endpoint failed; nil when it passed. Of no meaning once the task is
    /// cancelled, which ends the probe at once.
    func run(on eventLoop: any EventLoop) async -> CheckFailure? {
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

    /// Connects and arms the timer; on the event loop. The first verdict counts.
    private func start(on eventLoop: any EventLoop, verdict: EventLoopPromise<CheckFailure?>) {
        let limit = TimeAmount(check.timeout)
        let connecting = ClientBootstrap(group: eventLoop)
            .connectTimeout(limit)
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture { try configure(channel, verdict: verdict) }
            }
            .connect(to: address)
        let timeout = eventLoop.scheduleTask(in: limit) { verdict.succeed(.timedOut) }
        connecting.whenComplete { result in
            switch result {
            case .success(let channel):
                if check.probe == .tcp { verdict.succeed(nil) }
                verdict.futureResult.whenComplete { _ in channel.close(promise: nil) }
            case .failure(let error as IOError): verdict.succeed(CheckFailure(errno: error.errnoCode))
            case .failure: verdict.succeed(.connectTimedOut)
            }
        }
        verdict.futureResult.whenComplete { _ in timeout.cancel() }
    }

    private func configure(_ channel: any Channel, verdict: EventLoopPromise<CheckFailure?>) throws {
        guard case .http(let probe) = check.probe else { return }
        let request = HTTPRequestHead(
            version: .http1_1, method: .GET, uri: probe.path,
            headers: [
                "Host": "\(address)", "User-Agent": "apus-health/\(Version.current)", "Connection": "close",
            ])
        try channel.pipeline.syncOperations.addHandlers(
            HTTPRequestEncoder(), ByteToMessageHandler(HTTPResponseDecoder()),
            ProbeExchange(request: request, verdict: verdict))
    }
}

/// Sends the probe's request once connected and judges the head of the response; the body is never waited for.
private final class ProbeExchange: ChannelInboundHandler {
    typealias InboundIn = HTTPClientResponsePart
    typealias OutboundOut = HTTPClientRequestPart

    private let request: HTTPRequestHead
    private let verdict: EventLoopPromise<CheckFailure?>

    init(request: HTTPRequestHead, verdict: EventLoopPromise<CheckFailure?>) {
        self.request = request
        self.verdict = verdict
    }

    func channelActive(context: ChannelHandlerContext) {
        context.write(wrapOutboundOut(.head(request)), promise: nil)
        context.writeAndFlush(wrapOutboundOut(.end(nil)), promise: nil)
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        guard case .head(let response) = unwrapInboundIn(data) else { return }
        let status = Int(response.status.code)
        verdict.succeed((200...399).contains(status) ? nil : .status(status))
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        switch error {
        case let error as IOError: verdict.succeed(CheckFailure(errno: error.errnoCode))
        case is HTTPParserError: verdict.succeed(.malformedResponse)
        default: verdict.succeed(.connectionClosed)
        }
    }

    func channelInactive(context: ChannelHandlerContext) {
        verdict.succeed(.connectionClosed)
    }
}

extension ClientBootstrap {
    fileprivate func connect(to address: ApusModel.SocketAddress) -> EventLoopFuture<any Channel> {
        do {
            return connect(to: try NIOCore.SocketAddress(ipAddress: "\(address.ip)", port: Int(address.port)))
        } catch {
            // Every IP address reads back from its own text.
            preconditionFailure("\(address) is not an address: \(error)")
        }
    }
}
