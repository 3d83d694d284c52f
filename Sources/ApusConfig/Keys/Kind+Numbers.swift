import ApusModel

// Numbers, with the bounds that loader, schema and reference share.

extension Kind where Value == Int {
    static func integer(in bounds: ClosedRange<Int>) -> Kind {
        Kind(.integer(bounds), told: { .word("\($0)") }, read: { $0.integer(in: bounds, &$1) })
    }

    static func percent(in bounds: ClosedRange<Int>, example: Int = 50) -> Kind {
        Kind(.percent(bounds), told: { .word("\($0)%") }, read: { $0.percent(in: bounds, example: example, &$1) })
    }

    /// A number of bytes.
    static func size(in bounds: ClosedRange<Int>, example: String) -> Kind {
        Kind(.size(bounds), told: { .word(ByteSize.write($0)) }, read: { $0.size(in: bounds, example: example, &$1) })
    }
}

extension Kind where Value == Double {
    static func decimal(in bounds: ClosedRange<Double>, example: String) -> Kind {
        Kind(
            .decimal(bounds), told: { .word(Decimal.write($0)) },
            read: { $0.decimal(in: bounds, example: example, &$1) })
    }
}

extension Kind where Value == Duration {
    static func duration(in bounds: ClosedRange<Duration> = Bounds.durations) -> Kind {
        Kind(.duration(bounds), told: { .word($0.configured) }, read: { $0.duration(in: bounds, &$1) })
    }

    /// A duration that a protocol counts in whole seconds.
    static func seconds(in bounds: ClosedRange<Duration>) -> Kind {
        let kind = Kind(.duration(bounds), told: { .word($0.configured) }, read: { $0.seconds(in: bounds, &$1) })
        return kind.called("a duration of \(bounds.words), in whole seconds")
    }
}
