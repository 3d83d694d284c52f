// swift-tools-version: 6.2
import PackageDescription

// The package is the architecture: each module, what it may import, and nothing else.
// A module imports only modules above it in this list.
//
// APUS_ONLY=ApusProxy,ApusHTTP builds those modules, what they need and their tests, and leaves the rest (and the rest's
// packages) out: the data plane then builds and tests in seconds.

/// A room of the house: a module, the modules and products it uses, and whether it has a test suite of its own.
struct Room {
    var name: String
    var kind: Kind = .library
    var uses: [String] = []
    var products: [(product: String, package: String)] = []
    /// Libraries of the system.
    var links: [String] = []
    var testUses: [String]? = nil
    /// Folders of fixtures that the tests read by themselves.
    var testData: [String] = []

    enum Kind {
        case library, shim, command
        /// No module, but a suite for several of them together.
        case suite
    }
}

let rooms: [Room] = [
    Room(name: "CApusSystem", kind: .shim),
    // The system's zlib, with which the admin server compresses.
    Room(name: "CApusZlib", kind: .shim, links: ["z"]),
    Room(name: "ApusAddresses", testUses: []),
    Room(name: "ApusHTTP", testUses: [], testData: ["HPACK/witness.txt"]),
    // What a route asks of a request, and the table that finds a request's route.
    Room(name: "ApusRouting", uses: ["ApusAddresses", "ApusHTTP"], testUses: []),
    Room(name: "ApusModel", uses: ["ApusAddresses", "ApusHTTP", "ApusRouting"], testUses: []),
    Room(name: "ApusBalancing", uses: ["ApusAddresses", "ApusModel"], testUses: []),
    // What is decided about a request, without sockets, clocks or counters: what becomes of it before a pool, for the worker
    // and `apus explain`, and what joins its attempts, for the worker and the simulator.
    Room(
        name: "ApusExchange", uses: ["ApusAddresses", "ApusHTTP", "ApusRouting", "ApusModel", "ApusBalancing"],
        testUses: []),
    Room(name: "ApusTransport", uses: ["CApusSystem"], testUses: []),
    // TLS: the only room with a library for it.
    Room(
        name: "ApusTLS", uses: ["ApusAddresses", "ApusModel", "ApusTransport"], products: [("NIOSSL", "swift-nio-ssl")],
        testUses: ["ApusAddresses", "ApusModel", "ApusTestKit"]),
    Room(
        name: "ApusProcess", uses: ["CApusSystem", "ApusAddresses", "ApusModel"],
        testUses: ["CApusSystem", "ApusModel"]),
    Room(
        name: "ApusProxy",
        uses: [
            "ApusAddresses", "ApusHTTP", "ApusRouting", "ApusModel", "ApusBalancing", "ApusExchange", "ApusTransport",
        ],
        testUses: ["ApusHTTP", "ApusModel", "ApusBalancing", "ApusTransport"]),
    Room(
        name: "ApusSimulation", uses: ["ApusHTTP", "ApusModel", "ApusBalancing", "ApusExchange"],
        testUses: ["ApusAddresses", "ApusModel", "ApusBalancing", "ApusExchange"]),
    Room(
        name: "ApusConfig",
        uses: ["ApusAddresses", "ApusHTTP", "ApusRouting", "ApusModel", "ApusExchange", "ApusTLS"],
        products: [("Yams", "Yams"), ("Crypto", "swift-crypto")],
        testUses: ["ApusModel"], testData: ["Golden"]),
    Room(
        name: "ApusControl",
        uses: [
            "CApusZlib", "ApusConfig", "ApusProcess", "ApusModel", "ApusBalancing", "ApusHTTP", "ApusAddresses",
            "ApusTLS",
        ],
        products: [
            ("Hummingbird", "hummingbird"), ("ServiceLifecycle", "swift-service-lifecycle"), ("Logging", "swift-log"),
            ("NIOCore", "swift-nio"), ("NIOPosix", "swift-nio"), ("NIOHTTP1", "swift-nio"), ("Crypto", "swift-crypto"),
            ("HTTPTypes", "swift-http-types"), ("NIOHTTPTypes", "swift-nio-extras"),
        ],
        testUses: ["ApusModel", "ApusBalancing", "ApusHTTP", "ApusTLS", "ApusTestKit"]),
    Room(
        name: "Apus",
        uses: [
            "ApusProxy", "ApusProcess", "ApusControl", "ApusConfig", "ApusModel", "ApusHTTP", "ApusAddresses",
            "ApusTLS",
        ],
        products: [
            ("Logging", "swift-log"), ("ServiceLifecycle", "swift-service-lifecycle"),
            ("UnixSignals", "swift-service-lifecycle"), ("NIOCore", "swift-nio"), ("NIOPosix", "swift-nio"),
        ],
        testUses: []),
    // What asks a running Apus: the command line's other half.
    Room(
        name: "ApusAdminClient", uses: ["ApusAddresses", "ApusModel", "ApusTLS"],
        products: [("NIOCore", "swift-nio"), ("NIOPosix", "swift-nio"), ("NIOHTTP1", "swift-nio")],
        testUses: []),
    Room(
        name: "ApusCommand", kind: .command,
        uses: ["Apus", "ApusAdminClient", "ApusProcess", "ApusSimulation", "ApusAddresses"],
        products: [
            ("ArgumentParser", "swift-argument-parser"), ("Hummingbird", "hummingbird"), ("Logging", "swift-log"),
            ("UnixSignals", "swift-service-lifecycle"),
        ]),
    // Scripted origins and clients for the end-to-end suites.
    Room(
        name: "ApusTestKit",
        uses: [
            "ApusProxy", "ApusTransport", "ApusModel", "ApusRouting", "ApusHTTP", "ApusAddresses", "CApusSystem",
        ],
        testUses: []),
    // What the data plane does with requests, end to end: one inside the test process, over real sockets.
    Room(
        name: "DataPlane", kind: .suite,
        uses: ["ApusTestKit", "ApusProxy", "ApusModel", "ApusRouting", "ApusHTTP", "ApusAddresses"], testUses: []),
    // TLS end to end: clients and origins of many kinds, over real sockets.
    Room(
        name: "TLSPlane", kind: .suite,
        uses: ["ApusTLS", "ApusTestKit", "ApusProxy", "ApusModel", "ApusRouting", "ApusHTTP", "ApusAddresses"],
        testUses: []),
    // What `apus explain` and `apus test` say of requests, against what the data plane does with them.
    Room(
        name: "RoutingAgreement", kind: .suite,
        uses: [
            "ApusConfig", "ApusProxy", "ApusTestKit", "ApusModel", "ApusRouting", "ApusHTTP", "ApusAddresses",
        ], testUses: []),
    // What users run, under load, while their origins die, hang, flap and lose packets.
    Room(
        name: "ApusFailure", kind: .suite, uses: ["ApusCommand", "ApusTestKit", "ApusModel", "ApusAddresses"],
        testUses: []),
]

let packages: [String: Package.Dependency] = [
    "Yams": .package(url: "https://github.com/jpsim/Yams", from: "6.2.2"),
    "swift-crypto": .package(url: "https://github.com/apple/swift-crypto", from: "4.5.2"),
    "hummingbird": .package(url: "https://github.com/hummingbird-project/hummingbird", from: "2.28.1"),
    "swift-service-lifecycle": .package(url: "https://github.com/swift-server/swift-service-lifecycle", from: "2.13.0"),
    "swift-log": .package(url: "https://github.com/apple/swift-log", from: "1.16.2"),
    "swift-nio": .package(url: "https://github.com/apple/swift-nio", from: "2.101.2"),
    // The exact version: Apus uses the BoringSSL in it, which is not its public API (docs/design/0028).
    "swift-nio-ssl": .package(url: "https://github.com/apple/swift-nio-ssl", exact: "2.37.6"),
    "swift-nio-extras": .package(url: "https://github.com/apple/swift-nio-extras", from: "1.35.2"),
    "swift-http-types": .package(url: "https://github.com/apple/swift-http-types", from: "1.5.0"),
    "swift-argument-parser": .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
]

// MARK: - What SwiftPM is told

let languageSettings: [SwiftSetting] = [
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .enableUpcomingFeature("MemberImportVisibility"),
    .enableExperimentalFeature("Lifetimes"),
]

/// APUS_STRICT=1, set by `make check`, turns warnings into errors: in Apus's own modules, and never for those who embed
/// it, whose newer compiler may warn of more.
let strictness: [SwiftSetting] =
    Context.environment["APUS_STRICT"] == nil ? [] : [.treatAllWarnings(as: .error)]

/// What is shipped marks every use of an unsafe construct with `unsafe`.
let settings = languageSettings + [.strictMemorySafety()] + strictness

/// The rooms to build: all, or those that APUS_ONLY names with what they use.
func chosenRooms() -> [Room] {
    guard let only = Context.environment["APUS_ONLY"] else { return rooms }
    let named = only.split(separator: ",").map(String.init)
    // With what their own tests use.
    var wanted = named + rooms.filter { named.contains($0.name) }.flatMap { $0.testUses ?? [] }
    var chosen: Set<String> = []
    while let name = wanted.popLast() {
        guard chosen.insert(name).inserted else { continue }
        wanted += rooms.first { $0.name == name }?.uses ?? []
    }
    return rooms.filter { chosen.contains($0.name) }
}

let chosen = chosenRooms()
let names = Set(chosen.map(\.name))

func targets(of room: Room) -> [Target] {
    let products = room.products.map { Target.Dependency.product(name: $0.product, package: $0.package) }
    let dependencies = room.uses.map { Target.Dependency.byName(name: $0) } + products
    var made: [Target] =
        switch room.kind {
        case .shim: [.target(name: room.name, linkerSettings: room.links.map { .linkedLibrary($0) })]
        case .library: [.target(name: room.name, dependencies: dependencies, swiftSettings: settings)]
        case .command: [.executableTarget(name: room.name, dependencies: dependencies, swiftSettings: settings)]
        case .suite: []
        }
    if let testUses = room.testUses, testUses.allSatisfy(names.contains) {
        let used = Set(made.map(\.name) + room.uses + testUses)
        made.append(
            .testTarget(
                name: room.name + "Tests",
                dependencies: used.sorted().map { .byName(name: $0) } + products,
                exclude: room.testData,
                swiftSettings: languageSettings + strictness))
    }
    return made
}

let package = Package(
    name: "apus",
    products: [
        .library(name: "Apus", targets: ["Apus"]),
        .executable(name: "apus", targets: ["ApusCommand"]),
    ].filter { product in names.contains(product.name == "apus" ? "ApusCommand" : "Apus") },
    dependencies: Set(chosen.flatMap { $0.products.map(\.package) }).sorted().compactMap { packages[$0] },
    targets: chosen.flatMap(targets(of:)),
    swiftLanguageModes: [.v6])
