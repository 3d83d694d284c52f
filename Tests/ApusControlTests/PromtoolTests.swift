import ApusHTTP
import ApusModel
import Foundation
import Testing

@testable import ApusControl

/// Where Prometheus's own tool is; nil where it is not installed.
private let promtool = ["/usr/bin/promtool", "/usr/local/bin/promtool"].first {
    FileManager.default.isExecutableFile(atPath: $0)
}

/// What Prometheus's own tool says of a scrape.
@Suite struct PromtoolTests {
    let metrics = MetricsTextTests()

    @Test(.enabled(if: promtool != nil, "promtool is missing: apt-get install prometheus"))
    func promtoolFindsNothingWrong() throws {
        let layout = metrics.layout
        metrics.link.add(3, to: layout.requests(row: 1, endpoint: 1, statusClass: 2))
        metrics.link.add(2, to: layout.reason(.bareLF, listener: 1))
        metrics.link.add(UInt64(getpid()), to: layout.worker(.threadNumber))
        let process = Process()
        process.executableURL = URL(filePath: try #require(promtool))
        process.arguments = ["check", "metrics"]
        let (input, output) = (Pipe(), Pipe())
        process.standardInput = input
        process.standardOutput = output
        process.standardError = output
        try process.run()
        try input.fileHandleForWriting.write(contentsOf: Data(metrics.text().utf8))
        try input.fileHandleForWriting.close()
        let said = String(decoding: try output.fileHandleForReading.readToEnd() ?? Data(), as: UTF8.self)
        process.waitUntilExit()
        #expect(process.terminationStatus == 0, "\(said)")
        #expect(said.isEmpty)
    }

    /// The alerts of docs/operations.md fire, and name metrics that there are.
    @Test(.enabled(if: promtool != nil, "promtool is missing: apt-get install prometheus"))
    func theAlertsOfThePageFire() throws {
        let page = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "../../docs/operations.md")
        let text = try String(contentsOf: page, encoding: .utf8)
        let start = try #require(text.range(of: "```\ngroups:\n"))
        let end = try #require(text[start.upperBound...].range(of: "```"))
        let rules = "groups:\n" + text[start.upperBound..<end.lowerBound]
        let known = try Set(metrics.scrape().types.keys)
        let named = Set(rules.matches(of: /apus_\w+/).map { String($0.output) })
        #expect(named.count == 5 && named.isSubset(of: known), "\(named.subtracting(known))")

        let folder = FileManager.default.temporaryDirectory.appending(path: "apus-rules-\(UUID())")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        try rules.write(to: folder.appending(path: "rules.yml"), atomically: true, encoding: .utf8)
        try Self.scenario.write(to: folder.appending(path: "test.yml"), atomically: true, encoding: .utf8)
        let process = Process()
        process.executableURL = URL(filePath: try #require(promtool))
        process.arguments = ["test", "rules", folder.appending(path: "test.yml").path]
        let output = Pipe()
        process.standardOutput = output
        process.standardError = output
        try process.run()
        let said = String(decoding: try output.fileHandleForReading.readToEnd() ?? Data(), as: UTF8.self)
        process.waitUntilExit()
        #expect(process.terminationStatus == 0, "\(said)")
    }

    /// The time begins at 0. `a` is what is told of, `b` what is well.
    private static let scenario = """
        rule_files: [rules.yml]
        evaluation_interval: 1m
        tests:
          - interval: 1m
            input_series:
              - { series: 'apus_tls_certificate_not_after_seconds{listener="a"}', values: '86400+0x30' }
              - { series: 'apus_tls_certificate_not_after_seconds{listener="b"}', values: '8640000+0x30' }
              - { series: 'apus_tls_ocsp_response_not_after_seconds{listener="a"}', values: '0+0x30' }
              - { series: 'apus_tls_ocsp_response_not_after_seconds{listener="b"}', values: '8640000+0x30' }
              - { series: 'apus_tls_revocation_list_not_after_seconds{listener="a"}', values: '80000+0x30' }
              - { series: 'apus_tls_revocation_list_not_after_seconds{listener="b"}', values: '8640000+0x30' }
              - { series: 'apus_config_last_reload_success{job="a"}', values: '0+0x30' }
              - { series: 'apus_config_last_reload_success{job="b"}', values: '1+0x30' }
              - { series: 'apus_tls_client_certificates_total{listener="a",outcome="refused"}', values: '0+60x30' }
              - { series: 'apus_tls_client_certificates_total{listener="a",outcome="verified"}', values: '0+0x30' }
              - { series: 'apus_tls_client_certificates_total{listener="b",outcome="refused"}', values: '0+1x30' }
              - { series: 'apus_tls_client_certificates_total{listener="b",outcome="verified"}', values: '0+60x30' }
            alert_rule_test:
              - { eval_time: 20m, alertname: ApusCertificateEnds, exp_alerts: [{ exp_labels: { listener: a } }] }
              - { eval_time: 20m, alertname: ApusOCSPResponseEnds, exp_alerts: [{ exp_labels: { listener: a } }] }
              - { eval_time: 20m, alertname: ApusRevocationListEnds, exp_alerts: [{ exp_labels: { listener: a } }] }
              - { eval_time: 20m, alertname: ApusFilesRefused, exp_alerts: [{ exp_labels: { job: a } }] }
              - { eval_time: 20m, alertname: ApusRefusesClients, exp_alerts: [{ exp_labels: { listener: a } }] }

        """
}
