import ApusAddresses
import ApusExchange
import ApusHTTP
import ApusModel
import ApusTransport

/// Lines of the access log, put together.
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
        switch value {
        case .listener: append(name: log.names.listeners[logged.listener])
        case .route: append(name: log.names.route(logged.route))
        case .pool: append(name: log.names.pool(of: logged.route, branch: logged.branch))
        case .endpoint: append(name: log.names.endpoint(logged.endpoint))
        case .method: append(noted: .method, of: logged, log)
        case .host: append(noted: .host, of: logged, log)
        case .target: append(noted: .target, of: logged, log)
        case .referer: append(noted: .referer, of: logged, log)
        case .userAgent: append(noted: .userAgent, of: logged, log)
        case .requestID: append(noted: .requestID, of: logged, log)
        case .version: append(word: logged.version.map { $0 == .http11 ? "1.1" : "1.0" }, style)
        case .reason: append(word: logged.reason?.token, style)
        case .closedBy: append(word: logged.end.closer, style)
        case .closeReason: append(word: logged.end.token, style)
        case .time, .client, .now, .address, .commonTime: appendPlaceAndTime(value, of: logged, style)
        case .clientCertificate: append(name: logged.identity?.name, log)
        case .serverName: append(name: logged.terms?.serverName.map { Array($0.utf8) }, log)
        case .tlsVersion: append(name: (logged.terms?.version).map { Array($0.utf8) }, log)
        case .tlsCipher: append(name: (logged.terms?.cipher).map { Array($0.utf8) }, log)
        case .requestLine: appendRequestLine(logged, log)
        case .attempts, .status, .bytesReceived, .bytesSent, .bodyBytesSent, .responseHead, .duration, .sample,
            .commonStatus, .commonSize:
            appendFigure(value, of: logged, style)
        case .nothing: break
        }
    }

    private mutating func appendFigure(
        _ value: AccessLogLine.Value, of logged: LoggedExchange, _ style: AccessLogLine.Style
    ) {
        switch value {
        case .attempts: append(decimal: UInt64(logged.attempts))
        case .status: append(decimal: UInt64(logged.status))
        case .bytesReceived: append(decimal: logged.bytesReceived)
        case .bytesSent: append(decimal: logged.bytesSent)
        case .bodyBytesSent: append(decimal: logged.bodyBytes)
        case .duration: append(decimal: UInt64(logged.duration))
        case .sample: append(decimal: UInt64(logged.sample))
        case .responseHead where logged.responseHead >= 0: append(decimal: UInt64(logged.responseHead))
        case .commonStatus where logged.status > 0: append(decimal: UInt64(logged.status))
        case .commonSize where logged.bodyBytes > 0: append(decimal: logged.bodyBytes)
        default: append(word: nil, style)
        }
    }

    private mutating func appendPlaceAndTime(
        _ value: AccessLogLine.Value, of logged: LoggedExchange, _ style: AccessLogLine.Style
    ) {
        let isQuoted = style == .json && value != .now
        if isQuoted { append(UInt8(ascii: "\"")) }
        switch value {
        case .time: append(timestamp: logged.began)
        case .now: append(timestamp: logged.began + logged.duration)
        case .commonTime: append(commonTime: logged.began)
        case .address:
            let text = logged.peer.ip.text
            append(text.span)
        default: append(authority: logged.peer)
        }
        if isQuoted { append(UInt8(ascii: "\"")) }
    }

    /// The request line as it was received; `-` when no head could be read.
    private mutating func appendRequestLine(_ logged: LoggedExchange, _ log: AccessLogWriter) {
        guard !logged.note.isEmpty else { return append(UInt8(ascii: "-")) }
        append(noted: .method, of: logged, log)
        append(UInt8(ascii: " "))
        append(noted: .target, of: logged, log)
        append(logged.version == .http11 ? " HTTP/1.1" : " HTTP/1.0")
    }

    private mutating func append(noted part: RequestNote.Part, of logged: LoggedExchange, _ log: AccessLogWriter) {
        let style = log.line.style
        guard let range = RequestNote.range(of: part, in: logged.note, self) else { return append(word: nil, style) }
        if style == .json { append(UInt8(ascii: "\"")) }
        append(escaping: logged.note.handle, range, style, reserve: log.reserve)
        if style == .json { append(UInt8(ascii: "\"")) }
    }

    /// The name that a client is called by, which an authority has signed, but not for us.
    private mutating func append(name: [UInt8]?, _ log: AccessLogWriter) {
        guard let name else { return append(word: nil, log.line.style) }
        let style = log.line.style
        if style == .json { append(UInt8(ascii: "\"")) }
        append(escaping: name.span, style, reserve: log.reserve)
        if style == .json { append(UInt8(ascii: "\"")) }
    }

    private mutating func append(name: [UInt8]) { append(name.span) }

    /// A word of Apus's own, which needs no escaping; nil for what there is not.
    private mutating func append(word: StaticString?, _ style: AccessLogLine.Style) {
        guard let word else { return append(style == .json ? "null" : "-") }
        if style == .json { append(UInt8(ascii: "\"")) }
        append(word)
        if style == .json { append(UInt8(ascii: "\"")) }
    }
}
