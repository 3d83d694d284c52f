import ApusHTTP
import ApusModel
import ApusTransport

/// An exchange as the access log tells of it.
struct LoggedExchange {
    let exchange: Exchange
    let peer: SocketAddress
    /// Microseconds since 1970.
    let began: Int64
    let duration: Int64
    let end: ConnectionEnd
    let sample: Int

    /// Bytes of the request: its head and its body.
    var bytesReceived: UInt64 { UInt64(exchange.headBytes) + exchange.request.byteCount }
    /// Bytes of the response's body, without framing.
    var bodyBytes: UInt64 {
        exchange.answeredItself ? UInt64(exchange.answerBodyBytes) : exchange.response.byteCount
    }
}

extension BufferArena {
    /// Appends the whole line.
    ///
    /// - Returns: false when its texts and names alone are more than there is room for.
    mutating func append(_ logged: LoggedExchange, _ log: AccessLogWriter) -> Bool {
        guard log.reserve < sendRoom else { return false }
        let texts = log.line.texts
        for step in log.line.steps {
            append(texts.span.extracting(step.text))
            append(step.value, of: logged, log)
        }
        return true
    }

    private mutating func append(_ value: AccessLogLine.Value, of logged: LoggedExchange, _ log: AccessLogWriter) {
        let style = log.line.style
        let exchange = logged.exchange
        switch value {
        case .listener: append(name: log.names.listeners[exchange.listener])
        case .route: append(name: log.names.route(exchange.route))
        case .pool: append(name: log.names.pool(of: exchange.route, branch: Int(exchange.branch)))
        case .endpoint: append(name: log.names.endpoint(exchange.endpoint))
        case .method: append(.method, of: exchange, log)
        case .host: append(.host, of: exchange, log)
        case .target: append(.target, of: exchange, log)
        case .referer: append(.referer, of: exchange, log)
        case .userAgent: append(.userAgent, of: exchange, log)
        case .requestID: append(.requestID, of: exchange, log)
        case .version:
            let version: StaticString = exchange.version == .http11 ? "1.1" : "1.0"
            append(word: exchange.headBytes > 0 ? version : nil, style)
        case .reason: append(word: exchange.reason?.token, style)
        case .closedBy: append(word: logged.end.closer, style)
        case .closeReason: append(word: logged.end.token, style)
        case .time, .client, .now, .address, .commonTime: appendPlaceAndTime(value, of: logged, style)
        case .requestLine: appendRequestLine(exchange, log)
        case .attempts, .status, .bytesReceived, .bytesSent, .bodyBytesSent, .responseHead, .duration, .sample,
            .commonStatus, .commonSize:
            appendFigure(value, of: logged, style)
        case .nothing: break
        }
    }

    private mutating func appendFigure(
        _ value: AccessLogLine.Value, of logged: LoggedExchange, _ style: AccessLogLine.Style
    ) {
        let exchange = logged.exchange
        switch value {
        case .attempts: append(decimal: UInt64(exchange.attempts + exchange.staleReplacements))
        case .status: append(decimal: UInt64(exchange.status))
        case .bytesReceived: append(decimal: logged.bytesReceived)
        case .bytesSent: append(decimal: exchange.bytesSent)
        case .bodyBytesSent: append(decimal: logged.bodyBytes)
        case .duration: append(decimal: UInt64(logged.duration))
        case .sample: append(decimal: UInt64(logged.sample))
        case .responseHead where exchange.headReceived > 0:
            append(decimal: UInt64(exchange.headReceived - exchange.started))
        case .commonStatus where exchange.status > 0: append(decimal: UInt64(exchange.status))
        case .commonSize where logged.bodyBytes > 0: append(decimal: logged.bodyBytes)
        default: append(word: nil, style)
        }
    }

    private mutating func appendPlaceAndTime(
        _ value: AccessLogLine.Value, of logged: LoggedExchange, _ style: AccessLogLine.Style
    ) {
        let isQuoted = style == .json && value != .now
        if isQuoted { append("\"") }
        switch value {
        case .time: append(timestamp: logged.began)
        case .now: append(timestamp: logged.began + logged.duration)
        case .commonTime: append(commonTime: logged.began)
        case .address: logged.peer.ip.writeText { append($0) }
        default: append(authority: logged.peer)
        }
        if isQuoted { append("\"") }
    }

    /// The request line as it was received; `-` when no head could be read.
    private mutating func appendRequestLine(_ exchange: Exchange, _ log: AccessLogWriter) {
        guard !exchange.note.isEmpty else { return append("-") }
        append(.method, of: exchange, log)
        append(" ")
        append(.target, of: exchange, log)
        append(exchange.version == .http11 ? " HTTP/1.1" : " HTTP/1.0")
    }

    private mutating func append(_ part: RequestNote.Part, of exchange: Exchange, _ log: AccessLogWriter) {
        let style = log.line.style
        guard let range = RequestNote.range(of: part, in: exchange.note, self) else { return append(word: nil, style) }
        if style == .json { append("\"") }
        append(escaping: exchange.note.handle, range, style, reserve: log.reserve)
        if style == .json { append("\"") }
    }

    private mutating func append(name: [UInt8]) { append(name.span) }

    /// A word of Apus's own, which needs no escaping; nil for what there is not.
    private mutating func append(word: StaticString?, _ style: AccessLogLine.Style) {
        guard let word else { return append(style == .json ? "null" : "-") }
        if style == .json { append("\"") }
        append(word)
        if style == .json { append("\"") }
    }
}
