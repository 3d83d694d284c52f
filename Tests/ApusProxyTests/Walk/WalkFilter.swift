import ApusBalancing
import ApusHTTP
import ApusModel

/// A filter of the walk. What it decides follows from the request's number, so that all filters say the same of a request,
/// however often they are asked; it may say so at once, later, twice, or too late.
final class WalkFilter: RequestFilter, @unchecked Sendable {
    let number: Int
    private unowned let desk: FilterDesk

    init(_ number: Int, _ desk: FilterDesk) {
        self.number = number
        self.desk = desk
    }

    func look(
        at head: RequestHead, _ fields: borrowing FieldTable, _ bytes: Span<UInt8>, _ question: FilterQuestion
    ) -> FilterVerdict {
        desk.asked(by: number, bytes.withUnsafeBytes(Self.request), question)
    }

    /// The number that a request's head tells.
    private static func request(in bytes: UnsafeRawBufferPointer) -> Int? {
        let name = Array("X-Id: ".utf8)
        guard let start = position(of: name, in: bytes) else { return nil }
        let digits = bytes[(start + name.count)...].prefix { $0 >= 0x30 && $0 <= 0x39 }
        return Int(String(decoding: digits, as: UTF8.self))
    }
}

/// Who stands behind the filters of a walk: the questions that are open, and who has let which request go on.
final class FilterDesk {
    unowned let world: World
    private(set) var filters: [WalkFilter] = []
    private var open: [(filter: Int, id: Int, question: FilterQuestion)] = []
    /// The filters of the route, by numbers, in each configuration that was handed over, in order.
    private var configurations: [Set<Int>] = []

    init(_ world: World) {
        self.world = world
        filters = (0..<3).map { WalkFilter($0, self) }
    }

    /// Whether that request is answered by the first filter that is asked.
    static func denies(_ id: Int) -> Bool { id % 4 == 0 }

    /// What the client is told instead: its type and its body name the request.
    static func denial(_ id: Int) -> FixedResponse {
        let start = Content.start(2 * id)
        return FixedResponse(
            status: 403, contentType: "filter/\(id)", body: Array(Content.text[start..<start + denialBytes(id)]))
    }

    static func denialBytes(_ id: Int) -> Int { 1 + id % 3_000 }

    func isConfigured(_ snapshot: Snapshot) {
        guard let route = snapshot.routes[snapshot.listeners[0].routes].first(where: { $0.name == "h" }) else { return }
        configurations.append(Set(route.filters.compactMap { ($0.filter as? WalkFilter)?.number }))
    }

    fileprivate func asked(by filter: Int, _ id: Int?, _ question: FilterQuestion) -> FilterVerdict {
        guard let id, world.asked.indices.contains(id) else {
            world.fault("filter \(filter) was asked about nobody's request")
            return .decided(.proceed)
        }
        world.tally.questions += 1
        if world.asked[id].isBad { world.fault("filter \(filter) was asked about the bad request \(id)") }
        if world.asked[id].isLoop { world.fault("filter \(filter) was asked about \(id), which goes around") }
        if world.asked[id].heads > 0 { world.fault("filter \(filter) was asked about \(id), which is sent already") }
        // The worker may be one configuration behind what was handed over.
        if world.asked[id].firstFilters == nil { world.asked[id].firstFilters = max(0, configurations.count - 2) }
        switch world.random.next(below: 8) {
        case 0: return .decided(decide(filter, id))
        case 1: answer((filter, id, question))
        default: open.append((filter, id, question))
        }
        return .later
    }

    private func decide(_ filter: Int, _ id: Int) -> FilterDecision {
        if Self.denies(id) { return .answer(Self.denial(id)) }
        world.asked[id].letOnBy.insert(filter)
        return .proceed
    }

    private func answer(_ asked: (filter: Int, id: Int, question: FilterQuestion)) {
        asked.question.answer(decide(asked.filter, asked.id))
        // Only what is said first counts.
        if world.random.next(below: 4) == 0 {
            asked.question.answer(Self.denies(asked.id) ? .proceed : .answer(Self.denial(asked.id)))
        }
        world.network.isMailWaiting = true
    }

    /// Answers one of the questions that are open, if there is one.
    func step() {
        guard !open.isEmpty else { return }
        answer(open.remove(at: world.random.next(below: open.count)))
    }

    /// - Returns: whether any was open.
    func answerAll() -> Bool {
        let questions = open
        open = []
        for question in questions { answer(question) }
        return !questions.isEmpty
    }

    /// A request of the filtered route has come to an origin: is that right?
    func cameThrough(_ id: Int) {
        let asked = world.asked[id]
        if Self.denies(id) { world.fault("request \(id), which filters deny, came to an origin") }
        let isLetOn = configurations[(asked.firstFilters ?? 0)...].contains { $0.isSubset(of: asked.letOnBy) }
        if asked.firstFilters == nil || !isLetOn {
            world.fault("request \(id) came to an origin, let on by \(asked.letOnBy.sorted()) of \(configurations)")
        }
    }
}
