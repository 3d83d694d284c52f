public import ApusModel

/// A file of tests of a configuration: requests, and what is to become of them. Run without a socket.
public struct RoutingTests: Sendable {
    let tests: [RoutingTest]
    private let file: String

    /// - Throws: everything that is wrong with the file.
    public init(text: String, file: String) throws(ConfigurationErrors) {
        var findings = Findings()
        let index = findings.add(Source(file: file, text: text))
        let root = Node(parsing: text, source: index, variables: Variables(value: Environment.value(of:)), &findings)
        if root == nil, !findings.hasErrors {
            findings.error("the file holds no tests; expected `tests: [...]`", at: .start)
        }
        tests = root.map { RoutingTest.list($0, &findings) } ?? []
        self.file = file
        if findings.hasErrors { throw ConfigurationErrors(findings.inOrder) }
    }

    /// How each of them went, in the order of the file.
    public func run(_ snapshot: Snapshot, origins: Origins = Origins()) -> [RoutingTestResult] {
        let explainer = RequestExplainer(snapshot, origins: origins)
        return tests.map { test in
            var result = RoutingTestResult(name: test.name, file: file, line: test.position.line)
            do throws(RequestExplainer.Refusal) {
                let explanation = try explainer.explain(test.request)
                result.failures = test.expectations.compactMap { expectation in
                    expectation.mismatch(explanation).map { found in
                        RoutingTestResult.Failure(
                            what: expectation.what, expected: expectation.expected, found: found,
                            line: expectation.position.line)
                    }
                }
                if !result.failures.isEmpty { result.trace = explanation.trace(atMost: 6) }
            } catch {
                result.failures = [.init(what: "request", expected: "one", found: error.description, line: result.line)]
            }
            return result
        }
    }
}

/// How one test went.
public struct RoutingTestResult: Sendable, Equatable, Encodable {
    public struct Failure: Sendable, Equatable, Encodable {
        public var what: String
        public var expected: String
        public var found: String
        public var line: Int
    }

    public var name: String
    public var file: String
    public var line: Int
    /// Empty when it passed.
    public var failures: [Failure] = []
    /// Why the request went where it went; empty when it passed.
    public var trace: [String] = []

    public init(name: String, file: String, line: Int) {
        self.name = name
        self.file = file
        self.line = line
    }

    public var passed: Bool { failures.isEmpty }

    /// What failed, in the form that editors look for, several lines.
    public var text: String {
        var lines = failures.map { failure in
            "\(file):\(failure.line): \(name): `\(failure.what)`: expected \(failure.expected), found \(failure.found)"
        }
        lines += trace.map { "  \($0)" }
        return lines.joined(separator: "\n")
    }
}

extension Sequence<RoutingTestResult> {
    /// The results as a JUnit report, which build servers read.
    public var junit: String {
        let all = Array(self)
        let failed = all.count { !$0.passed }
        var lines = [
            #"<?xml version="1.0" encoding="UTF-8"?>"#,
            #"<testsuite name="apus test" tests="\#(all.count)" failures="\#(failed)">"#,
        ]
        for result in all {
            let head = #"  <testcase name="\#(escaped(result.name))" classname="\#(escaped(result.file))""#
            if result.passed {
                lines.append(head + "/>")
            } else {
                lines.append(head + ">")
                lines.append("    <failure>\(escaped(result.text))</failure>")
                lines.append("  </testcase>")
            }
        }
        return (lines + ["</testsuite>"]).joined(separator: "\n") + "\n"
    }

    private func escaped(_ text: String) -> String {
        text.replacing("&", with: "&amp;").replacing("<", with: "&lt;").replacing(">", with: "&gt;")
            .replacing("\"", with: "&quot;")
    }
}
