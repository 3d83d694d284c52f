import Testing

/// What clients notice when origins fail: the built `apus` under load, its origins failing in every way they can.
///
/// Each test says how many requests may fail, and how soon an endpoint must have left and be back. The bounds on times
/// are sums of what is configured, which is stated at each, and of `slack`, which is for a machine that is busy with
/// other things: a test that fails by its bound has missed it by a lot. One scenario runs at a time.
@Suite("Failures under load", .serialized, .timeLimit(.minutes(10))) struct Failures {}

/// Tells what a scenario measured, beside what it checks.
func tell(_ scenario: String, _ figures: (String, Duration)..., report: Report) {
    let figures = figures.map { "\($0.0) after \($0.1.inMilliseconds) ms" }
    print("\(scenario): \((figures + ["\(report)"]).joined(separator: ", "))")
}

/// What a busy machine may add to any time that is looked at: the other suites run meanwhile, on as little as two
/// cores. Bounds are chosen so that what they must tell apart lies further apart than this.
let slack = Duration.seconds(1)
