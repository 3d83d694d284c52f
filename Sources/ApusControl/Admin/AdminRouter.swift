import ApusModel
import HTTPTypes
import Hummingbird
import Logging

extension AdminAPI {
    /// Carries out every operation; problems outermost, so that all that goes wrong is told in the same form.
    func router(bind: Admin.Bind, logger: Logger) -> Router<Context> {
        let router = Router(context: Context.self)
        router.add(middleware: AdminProblems(logger: logger))
        router.add(middleware: AdminAccess(bind: bind, live: live))
        for operation in AdminOperation.all {
            router.on(RouterPath(operation.path), method: operation.method, use: operation.handler(self))
        }
        return router
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
        } catch let problem as AdminProblem {
            return problem.response
        } catch let refusal as ConfigurationRefusal {
            return AdminProblem(refusal).response
        } catch let error as HTTPError where error.status == .notFound {
            return notFound(request).response
        } catch let error as HTTPError where error.status.kind == .clientError {
            return AdminProblem.badRequest(error.body ?? "\(error.status.reasonPhrase).").response
        } catch {
            logger.error("the admin server: \(request.method) \(request.uri.path): \(error)")
            return AdminProblem.internalError.response
        }
    }

    private func notFound(_ request: Request) -> AdminProblem {
        let path = request.uri.path
        let here = AdminOperation.all.filter { $0.isAt(path) }
        if here.isEmpty {
            let all = AdminOperation.all.map { "\($0.method.rawValue) \($0.path)" }
            return .notFound(String(path.prefix(200)), available: all)
        }
        return .wrongMethod(request.method.rawValue, path, allowed: here.map(\.method.rawValue))
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
