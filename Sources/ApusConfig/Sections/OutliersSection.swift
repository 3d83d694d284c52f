import ApusModel

extension OutlierRules {
    /// `on`, `off`, or a mapping; nil when it is off or wrong.
    init?(_ field: Field, _ findings: inout Findings) {
        switch Setting(field, example: "{ consecutive_5xx: 5, ejection: 30s }", &findings) {
        case nil, .off: return nil
        case .on: self.init()
        case .section(var section):
            self.init()
            read(&section, &findings)
            section.finish(&findings)
            if !looksAtAnything {
                findings.error(
                    "`outliers` looks at nothing: all its rules are off; keep one, or write `outliers: off`",
                    at: field.key.position)
            }
        }
    }

    private var looksAtAnything: Bool {
        consecutive5xx != nil || consecutiveGatewayErrors != nil || successRateDeviations != nil || latencyFactor != nil
    }

    private mutating func read(_ section: inout Section, _ findings: inout Findings) {
        section.read("consecutive_5xx", into: &consecutive5xx, or: "off", &findings) { field, findings in
            field.integer(in: Bounds.failuresInARow, &findings)
        }
        section.read("consecutive_gateway_errors", into: &consecutiveGatewayErrors, or: "off", &findings) {
            field, findings in field.integer(in: Bounds.failuresInARow, &findings)
        }
        section.read("success_rate_deviations", into: &successRateDeviations, or: "off", &findings) {
            field, findings in field.decimal(in: Bounds.deviations, example: "1.9", &findings)
        }
        section.read("latency_factor", into: &latencyFactor, or: "off", &findings) { field, findings in
            field.decimal(in: Bounds.latencyFactors, example: "3", &findings)
        }
        section.read("min_hosts", into: &minimumHosts, in: Bounds.comparedHosts, &findings)
        section.read("min_volume", into: &minimumVolume, in: Bounds.volumes, &findings)
        section.read("interval", into: &interval, &findings)
        section.read("ejection", into: &baseEjection, upTo: "max_ejection", &maximumEjection, &findings)
        section.read("max_ejected", into: &maximumEjectedPercent, percent: Bounds.shares, &findings)
        section.read("return_on_probe", into: &returnsOnProbe, &findings)
    }
}
