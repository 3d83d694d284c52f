import ApusHTTP
import HTTPTypes
import Hummingbird
import NIOCore
import NIOHTTPTypes

/// Writing answers (RFC 9112 section 6).
extension AdminConnectionHandler {
    func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
        guard phase == .request, let exchange, !exchange.isAnswered else {
            promise?.fail(ChannelError.ioOnClosedChannel)
            return
        }
        switch unwrapOutboundIn(data) {
        case .head(let head): beginAnswer(head, context)
        case .body(let piece):
            if !exchange.isHead, exchange.answer != AnswerFraming.none, piece.readableBytes > 0 {
                send(exchange.answer == .chunked ? Self.chunk(piece) : [piece], context)
            }
        case .end:
            self.exchange?.isAnswered = true
            if exchange.answer == .chunked, !exchange.isHead { send([ByteBuffer(string: "0\r\n\r\n")], context) }
            if unwritten == 0 { answered(context) }
        }
        promise?.succeed()
    }

    private func beginAnswer(_ head: HTTPResponse, _ context: ChannelHandlerContext) {
        skipBody(context)
        guard var exchange else { return }
        if !exchange.isBodyRead || head.status == .misdirectedRequest { exchange.keepsAlive = false }
        let hasBody = head.status.code >= 200 && head.status.code != 204 && head.status.code != 304
        exchange.answer =
            if !hasBody {
                AnswerFraming.none
            } else if head.headerFields.contains(.contentLength) {
                .withLength
            } else {
                exchange.isHTTP11 ? .chunked : .untilClose
            }
        if exchange.answer == .untilClose { exchange.keepsAlive = false }
        self.exchange = exchange
        send([Self.head(head, exchange)], context)
    }

    private static func head(_ head: HTTPResponse, _ exchange: Exchange) -> ByteBuffer {
        var bytes = ByteBuffer()
        bytes.writeString("HTTP/1.1 \(head.status.code) \(head.status.reasonPhrase)\r\n")
        for field in head.headerFields where field.name != .connection && field.name != .transferEncoding {
            bytes.writeString("\(field.name.rawName): \(field.value)\r\n")
        }
        bytes.writeString(AdminAccess.seclusion)
        if exchange.answer == .chunked { bytes.writeString("Transfer-Encoding: chunked\r\n") }
        if !exchange.keepsAlive {
            bytes.writeString("Connection: close\r\n")
        } else if !exchange.isHTTP11 {
            bytes.writeString("Connection: keep-alive\r\n")
        }
        bytes.writeString("\r\n")
        return bytes
    }

    /// A piece of a chunked body (RFC 9112 section 7.1).
    private static func chunk(_ piece: ByteBuffer) -> [ByteBuffer] {
        [
            ByteBuffer(string: String(piece.readableBytes, radix: 16) + "\r\n"), piece, ByteBuffer(string: "\r\n"),
        ]
    }

    /// Writes in pieces, each of which counts as progress when the client has taken it.
    private func send(_ buffers: [ByteBuffer], _ context: ChannelHandlerContext) {
        if unwritten == 0 {
            allow(limits.body, context)
            connections.changed(id, to: .transferring)
        }
        for var buffer in buffers {
            while let piece = buffer.readSlice(length: min(buffer.readableBytes, 64 << 10)), piece.readableBytes > 0 {
                let count = piece.readableBytes
                unwritten += count
                let written = context.eventLoop.makePromise(of: Void.self)
                written.futureResult.assumeIsolated().whenComplete { [self] result in
                    if case .success = result { wrote(count, context) }
                }
                context.write(wrapOutboundOut(piece), promise: written)
            }
        }
    }

    private func wrote(_ count: Int, _ context: ChannelHandlerContext) {
        unwritten -= count
        progress += count
        guard phase == .request else { return }
        if unwritten == 0 {
            allow(nil, context)
            connections.changed(id, to: .busy)
            if exchange?.isAnswered == true { answered(context) }
        } else if progress >= limits.progress {
            allow(limits.body, context)
            connections.changed(id, to: .transferring)
        }
    }

    /// Answers a request whose head is refused; nobody else gets to see it.
    func refuse(_ reason: Reason, _ context: ChannelHandlerContext) {
        let problem = AdminProblem(reason)
        let text = ByteBuffer(string: problem.text)
        var head = HTTPResponse(status: problem.status, headerFields: problem.allFields)
        head.headerFields[.contentLength] = "\(text.readableBytes)"
        head.headerFields[.server] = "apus"
        phase = .request
        exchange = Exchange(
            isHead: false, isHTTP11: true, keepsAlive: false, expectsContinue: false, isBodyRead: true,
            answer: .withLength)
        if let exchange { send([Self.head(head, exchange), text], context) }
        exchange?.isAnswered = true
        context.flush()
    }
}
