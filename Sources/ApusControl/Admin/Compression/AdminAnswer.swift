import HTTPTypes
import Hummingbird
import NIOCore

/// An answer whose text is made in pieces, and compressed meanwhile where the client takes that.
struct AdminAnswer {
    /// A shorter answer is sent as it is.
    static let shortestCompressed = 1024

    private var pieces: [ByteBuffer] = []
    private let gzip: GzipStream?

    /// - Parameter request: says whether the answer may be compressed.
    init(to request: Request) {
        gzip = AcceptedCoding.takesGzip(request.headers[.acceptEncoding]) ? GzipStream() : nil
    }

    mutating func append(_ piece: ByteBuffer) {
        if let gzip { gzip.write(piece) } else { pieces.append(piece) }
    }

    /// - Throws: `AdminProblem.noMemory` when other answers, which their clients do not read, take what there is.
    consuming func response(
        status: HTTPResponse.Status = .ok, headers: HTTPFields, context: AdminContext
    ) throws -> Response {
        var headers = headers
        headers[.vary] = "Accept-Encoding"
        var pieces = pieces
        if let gzip {
            guard let compressed = gzip.finish() else { throw AdminProblem.internalError }
            pieces = compressed
            headers[.contentEncoding] = "gzip"
        }
        let length = pieces.reduce(0) { $0 + $1.readableBytes }
        let lease = context.answerMemory?.lease()
        guard lease?.take(length) != false else { throw AdminProblem.noMemory }
        let body = ResponseBody(contentLength: length) { [pieces] writer in
            for piece in pieces { try await writer.write(piece) }
            try await writer.finish(nil)
            withExtendedLifetime(lease) {}
        }
        return Response(status: status, headers: headers, body: body)
    }
}

/// Compresses what is worth it, and bounds what all answers take together.
struct AdminCompression: RouterMiddleware {
    func handle(
        _ request: Request, context: AdminContext, next: (Request, AdminContext) async throws -> Response
    ) async throws -> Response {
        let response = try await next(request, context)
        guard response.headers[.contentEncoding] == nil, response.headers[.vary] == nil,
            let length = response.body.contentLength, length >= AdminAnswer.shortestCompressed
        else { return response }
        let collector = PieceCollector()
        try await response.body.write(collector)
        var answer = AdminAnswer(to: request)
        for piece in collector.pieces { answer.append(piece) }
        var headers = response.headers
        headers[.contentLength] = nil
        return try answer.response(status: response.status, headers: headers, context: context)
    }
}

/// Keeps what is written. Used by one task.
private final class PieceCollector: ResponseBodyWriter {
    var pieces: [ByteBuffer] = []

    func write(_ buffer: ByteBuffer) { pieces.append(buffer) }
    func finish(_ trailingHeaders: HTTPFields?) {}
}
