import ApusModel
import HTTPTypes
import Hummingbird
import Logging

extension AdminAPI {
    /// Carries out every operation that `door` allows; problems outside of all that goes wrong, so that it is told in the
    /// same form.
    ///
    /// The role is asked for where the operation is carried out: no way of writing a path leads around it.
    func router(door: AdminDoor, logger: Logger) -> Router<Context> {
        let router = Router(context: Context.self)
        router.add(middleware: AdminMemoryBound(connections: connections))
        router.add(middleware: ChangeLog(bind: door.bind, logger: logger))
        router.add(middleware: AdminProblems(logger: logger))
        router.add(middleware: AdminCompression())
        router.add(middleware: AdminAccess(door: door))
        for operation in AdminOperation.all {
            let carryOut = operation.handler(self)
            // HEAD has the answer of GET; what of it is not sent, the connection knows.
            for method in operation.method == .get ? [.get, .head] : [operation.method] {
                router.on(RouterPath(operation.path), method: method) { request, context in
                    try door.require(operation.role, for: operation)
                    if operation.body == nil, operation.method != .get {
                        try await RequestBodyReader.end(of: request, context)
                    }
                    return try await carryOut(request, context)
                }
            }
        }
        return router
    }
}

/// Gives each request its share of the memory that all have together, until it has been carried out.
private struct AdminMemoryBound: RouterMiddleware {
    let connections: AdminConnections

    func handle(
        _ request: Request, context: AdminAPI.Context,
        next: (Request, AdminAPI.Context) async throws -> Response
    ) async throws -> Response {
        var context = context
        let lease = connections.requestMemory.lease()
        context.requestMemory = lease
        context.answerMemory = connections.answerMemory
        defer { withExtendedLifetime(lease) {} }
        return try await next(request, context)
    }
}

/// Answers what goes wrong as problem details.
private struct AdminProblems: RouterMiddleware {
    let logger: Logger

    func handle(
        _ request: Request, context: AdminAPI.Context,
        next: (Request, AdminAPI.Context) async throws -> Response
    ) async throws -> Response {
        do {
            return try await next(request, context)
        } catch {
            var problem = problem(error, request)
            context.deed.fails(problem.title)
            if let done = context.deed.done { problem.detail += " The change itself took place: \(done)." }
            return problem.response
        }
    }

    private func problem(_ error: any Error, _ request: Request) -> AdminProblem {
        switch error {
        case let problem as AdminProblem: return problem
        case let refusal as ConfigurationRefusal: return AdminProblem(refusal)
        case let error as HTTPError where error.status == .notFound: return notFound(request)
        case let error as HTTPError where error.status.kind == .clientError:
            return .badRequest(error.body ?? "\(error.status.reasonPhrase).")
        case is CancellationError: return .givenUp
        default:
            logger.error("the admin server: \(request.method) \(request.uri.path): \(error)")
            return .internalError
        }
    }

    private func notFound(_ request: Request) -> AdminProblem {
        let path = request.uri.path
        let here = AdminOperation.all.filter { $0.isAt(path) }
        if here.isEmpty {
            let all = AdminOperation.all.map { "\($0.method.rawValue) \($0.path)" }
            return .notFound(String(path.prefix(200)), available: all)
        }
        let allowed = here.flatMap { $0.method == .get ? ["GET", "HEAD"] : [$0.method.rawValue] }
        return .wrongMethod(request.method.rawValue, path, allowed: allowed)
    }
}

extension AdminOperation {
    /// Whether a path is one of this operation's, whatever stands in its places.
    fileprivate func isAt(_ other: String) -> Bool {
        let mine = path.split(separator: "/")
        let its = other.split(separator: "/")
        return mine.count == its.count && zip(mine, its).allSatisfy { $0.hasPrefix("{") || $0 == $1 }
    }
}
