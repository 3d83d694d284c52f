import ApusAddresses
import ApusConfig
import ApusModel
import FoundationEssentials
import HTTPTypes
import Hummingbird
import NIOCore

/// What the admin server answers, operation by operation. `AdminOperation` has the list.
struct AdminAPI: Sendable {
    typealias Context = AdminContext

    let live: Live
    let configuration: RunningConfiguration
    let serving: ServingState
    let health: @Sendable () async -> HealthReport
    /// Hands over to a successor of this process, and says so.
    let upgrade: (@Sendable () async throws -> String)?
    /// Of all admin servers of the process.
    var connections = AdminConnections()
    var failures = RecentFailures()
    let started = Date()

    /// What there is to tell of, of one moment.
    ///
    /// At a reload, counters and health change hands one after the other, within milliseconds.
    func scene() async throws -> AdminScene {
        for _ in 0..<200 {
            let health = await health()
            let view = live.view
            if health.snapshot === view.snapshot {
                return AdminScene(view, health, await configuration.state)
            }
            try await Task.sleep(for: .milliseconds(10))
        }
        throw AdminProblem.reloading
    }

    // MARK: - Reading

    func index(_ request: Request, _ context: Context) async throws -> Response {
        .text(AdminOperation.index)
    }

    func livez(_ request: Request, _ context: Context) async throws -> Response { .text("alive\n") }

    func readyz(_ request: Request, _ context: Context) async throws -> Response {
        let health = await health()
        let readiness: Readiness
        do throws(UnknownPool) {
            readiness = try self.readiness(request, health)
        } catch {
            // It is served without a token, and so lists nothing.
            throw AdminProblem(
                status: .notFound, kind: "no-pool", title: "There is no such pool",
                detail: "There is no pool `\(error.name)`.")
        }
        switch readiness {
        case .ready: return .text("ready\n")
        case .notReady(let reason): return .text(reason + "\n", status: .serviceUnavailable)
        }
    }

    /// That of the balancer, or of the pool that the query names.
    private func readiness(_ request: Request, _ health: HealthReport) throws(UnknownPool) -> Readiness {
        guard let name = request.uri.queryParameters["pool"] else { return Readiness(serving.phase) }
        guard let pool = health.snapshot.index(ofPool: String(name)) else { throw UnknownPool(name: String(name)) }
        return Readiness(serving.phase, ofPool: pool, health)
    }

    func metrics(_ request: Request, _ context: Context) async throws -> Response {
        let scene = try await scene()
        var answer = AdminAnswer(to: request)
        scene.metrics.render(
            health: scene.health, reloads: scene.running.reloads, names: scene.running.names, admin: connections.facts
        ) { piece in
            answer.append(ByteBuffer(string: piece))
        }
        return try answer.response(
            headers: [.contentType: MetricsText.contentType, .cacheControl: "no-store"], context: context)
    }

    func openAPI(_ request: Request, _ context: Context) async throws -> Response {
        .text(OpenAPIDocument.text, type: "application/json")
    }

    func status(_ request: Request, _ context: Context) async throws -> Response {
        let scene = try await scene()
        let readiness: Readiness
        do throws(UnknownPool) {
            readiness = try self.readiness(request, scene.health)
        } catch {
            throw scene.snapshot.unknownPool(error.name)
        }
        // Of what runs now: a reload may have ended the counters of the scene.
        let (counts, time) = failures.lately(live, now: Prober.now)
        return .json(
            StatusAnswer(scene, readiness, .init(counts, time: time), phase: serving.phase, started: started))
    }

    func listeners(_ request: Request, _ context: Context) async throws -> Response {
        .json(ListenersAnswer(try await scene()))
    }

    func certificates(_ request: Request, _ context: Context) async throws -> Response {
        let answer = CertificatesAnswer(try await scene())
        return try request.flag("text") ? .text(answer.text) : .json(answer)
    }

    func routes(_ request: Request, _ context: Context) async throws -> Response {
        .json(RoutesAnswer(try await scene()))
    }

    func pools(_ request: Request, _ context: Context) async throws -> Response {
        let answer = PoolsAnswer(try await scene())
        return try request.flag("text") ? .text(answer.text) : .json(answer)
    }

    func pool(_ request: Request, _ context: Context) async throws -> Response {
        let scene = try await scene()
        let name = try context.parameter("pool")
        let pool = try scene.snapshot.checkedPool(name)
        return .json(PoolAnswer(pool, scene))
    }

    func endpoints(_ request: Request, _ context: Context) async throws -> Response {
        let pools = PoolsAnswer(try await scene()).pools
        return .json(["endpoints": pools.flatMap(\.endpoints)])
    }

    func endpoint(_ request: Request, _ context: Context) async throws -> Response {
        .json(try await endpoint(context.parameter("address"), of: context.parameter("pool")))
    }

    func connections(_ request: Request, _ context: Context) async throws -> Response {
        .json(ConnectionsAnswer(try await scene()))
    }

    func runningConfiguration(_ request: Request, _ context: Context) async throws -> Response {
        let state = await configuration.state
        var response = Response.json(ConfigurationAnswer(state, isStored: configuration.isStored))
        response.headers[.eTag] = state.revision.eTag
        return response
    }

    func revisions(_ request: Request, _ context: Context) async throws -> Response {
        let state = await configuration.state
        return .json(
            RevisionsAnswer(revisions: state.kept.reversed().map { RevisionAnswer($0, running: state.revision) }))
    }

    func revision(_ request: Request, _ context: Context) async throws -> Response {
        let state = await configuration.state
        let text = try context.parameter("number")
        guard let number = Int(text) else {
            throw AdminProblem.badRequest("`\(text)` is no number of a revision; expected such as `7`.")
        }
        guard let revision = state.kept.first(where: { $0.number == number }) else {
            throw AdminProblem(.noRevision(asked: number, kept: state.kept.map(\.number)))
        }
        let answer = RevisionFilesAnswer(
            revision: RevisionAnswer(revision, running: state.revision), files: revision.files.map(FileAnswer.init))
        var response = Response.json(answer)
        response.headers[.eTag] = revision.eTag
        return response
    }

    /// An endpoint by its name or its address.
    func endpoint(_ name: String, of pool: String) async throws -> EndpointAnswer {
        let scene = try await scene()
        let index = try scene.snapshot.checkedPool(pool)
        let address = ApusAddresses.SocketAddress(name)
        let present = scene.snapshot.presentEndpoints(of: scene.snapshot.pools[index])
        guard
            let found = present.first(where: {
                scene.snapshot.endpoints[$0].name == name || scene.snapshot.endpoints[$0].address == address
            })
        else {
            throw AdminProblem(
                .noEndpoint(name, pool: pool, endpoints: present.map { scene.snapshot.endpoints[$0].name }))
        }
        return EndpointAnswer(found, scene)
    }
}

/// A query names a pool that is not there.
private struct UnknownPool: Error {
    let name: String
}

extension Snapshot {
    /// The index of the pool of that name.
    fileprivate func checkedPool(_ name: String) throws -> Int {
        guard let index = index(ofPool: name) else { throw unknownPool(name) }
        return index
    }

    fileprivate func index(ofPool name: String) -> Int? {
        pools.firstIndex { $0.name == name && !$0.isRetired }
    }

    fileprivate func unknownPool(_ name: String) -> AdminProblem {
        AdminProblem(.noPool(name, pools: pools.filter { !$0.isRetired }.map(\.name)))
    }
}
