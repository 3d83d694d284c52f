import ApusModel
import ApusTransport

/// How a line of the access log is put together: texts and fields in turn, whatever the format is called.
struct AccessLogLine: Sendable {
    /// How values are written between the texts.
    enum Style: Sendable {
        /// As JSON values: strings in quotes, `null` for what there is not.
        case json
        /// As they are, escaped as Apache httpd does, `-` for what there is not.
        case plain
    }

    /// A text, as a range of `texts`, and what follows it.
    struct Step: Sendable {
        let text: Range<Int>
        let value: Value
    }

    /// What is written behind a text.
    enum Value: UInt8, Sendable {
        case time, client, listener, method, host, target, version, referer, userAgent, requestID, route, pool, endpoint
        case attempts, status, bytesReceived, bytesSent, bodyBytesSent, responseHead, duration, reason
        case closedBy, closeReason, sample, clientCertificate, serverName, tlsVersion, tlsCipher
        // What only the Combined Log Format has: address without port, time, request line, status and size.
        case address, commonTime, requestLine, commonStatus, commonSize
        /// When the line is written.
        case now
        case nothing
    }

    let style: Style
    let steps: [Step]
    let texts: [UInt8]
    /// Whether it says what a handshake has agreed on.
    let tellsTerms: Bool

    /// - Parameter hasTLS: whether a listener speaks TLS.
    init(_ log: AccessLog, hasTLS: Bool, host: String?, process: Int32) {
        var builder = Builder()
        if case .syslog(let syslog) = log.destination { builder.begin(syslog, host: host, process: process) }
        switch log.format {
        case .json:
            style = .json
            builder.addJSON(hasSample: log.oneIn > 1, hasTLS: hasTLS)
        case .combined:
            style = .plain
            builder.addCombined()
        case .template(let template):
            style = .plain
            builder.add(template)
        }
        builder.text("\n")
        builder.value(.nothing)
        steps = builder.steps
        texts = builder.texts
        tellsTerms = steps.contains { [.serverName, .tlsVersion, .tlsCipher].contains($0.value) }
    }

    private struct Builder {
        var steps: [Step] = []
        var texts: [UInt8] = []
        private var start = 0

        mutating func text(_ text: String) { texts += Array(text.utf8) }

        mutating func value(_ value: Value) {
            steps.append(Step(text: start..<texts.count, value: value))
            start = texts.count
        }

        /// A server elsewhere gets the header of RFC 5424. A local one gets what syslog(3) sends to it, but for the time:
        /// the daemons read that form there, and put the time of arrival for one that is missing.
        mutating func begin(_ syslog: Syslog, host: String?, process: Int32) {
            let informational = 6
            let tag = Self.word(syslog.tag, atMost: 48)
            switch syslog.target {
            case .local:
                text("<\(syslog.facility * 8 + informational)>\(tag)[\(process)]: ")
            case .udp:
                text("<\(syslog.facility * 8 + informational)>1 ")
                value(.now)
                text(" \(Self.word(host ?? "", atMost: 255)) \(tag) \(process) access - ")
            }
        }

        /// What the header may hold of `text` (RFC 5424 section 6); `-` for nothing.
        private static func word(_ text: String, atMost count: Int) -> String {
            let visible = text.utf8.filter { (0x21...0x7e).contains($0) }.prefix(count)
            return visible.isEmpty ? "-" : String(decoding: visible, as: UTF8.self)
        }

        mutating func addJSON(hasSample: Bool, hasTLS: Bool) {
            var separator = "{"
            for field in AccessLogField.allCases
            where (field != .sample || hasSample) && (!field.isOfTLS || hasTLS) {
                text("\(separator)\"\(field.rawValue)\":")
                value(Value(field))
                separator = ","
            }
            text("}")
        }

        mutating func addCombined() {
            value(.address)
            text(" - - [")
            value(.commonTime)
            text("] \"")
            value(.requestLine)
            text("\" ")
            value(.commonStatus)
            text(" ")
            value(.commonSize)
            text(" \"")
            value(.referer)
            text("\" \"")
            value(.userAgent)
            text("\"")
        }

        mutating func add(_ template: AccessLogTemplate) {
            for piece in template.pieces {
                switch piece {
                case .text(let literal): text(literal)
                case .field(let field): value(Value(field))
                }
            }
        }
    }
}

extension AccessLogLine.Value {
    fileprivate init(_ field: AccessLogField) {
        self =
            switch field {
            case .time: .time
            case .client: .client
            case .clientCertificate: .clientCertificate
            case .serverName: .serverName
            case .tlsVersion: .tlsVersion
            case .tlsCipher: .tlsCipher
            case .listener: .listener
            case .method: .method
            case .host: .host
            case .target: .target
            case .version: .version
            case .referer: .referer
            case .userAgent: .userAgent
            case .requestID: .requestID
            case .route: .route
            case .pool: .pool
            case .endpoint: .endpoint
            case .attempts: .attempts
            case .status: .status
            case .bytesReceived: .bytesReceived
            case .bytesSent: .bytesSent
            case .bodyBytesSent: .bodyBytesSent
            case .responseHeadMicroseconds: .responseHead
            case .durationMicroseconds: .duration
            case .reason: .reason
            case .closedBy: .closedBy
            case .closeReason: .closeReason
            case .sample: .sample
            }
    }
}

extension AccessLogLine.Style {
    /// A word of the configuration as it stands in a line; nil for what there is not.
    func written(_ word: String?) -> [UInt8] {
        guard let word else { return Array((self == .json ? "null" : "-").utf8) }
        var escaped = ""
        for scalar in word.unicodeScalars {
            switch scalar {
            case "\"", "\\": escaped += "\\\(scalar)"
            case _ where scalar.value < 0x20 || scalar.value == 0x7f:
                let hex = String(scalar.value, radix: 16)
                escaped += self == .json ? "\\u00" : "\\x"
                escaped += hex.utf8.count < 2 ? "0\(hex)" : hex
            default: escaped.unicodeScalars.append(scalar)
            }
        }
        return Array((self == .json ? "\"\(escaped)\"" : escaped).utf8)
    }
}
