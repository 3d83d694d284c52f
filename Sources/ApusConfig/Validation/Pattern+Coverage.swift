import ApusModel

extension HostPattern {
    /// Whether every host that `other` matches is matched by this pattern too.
    func covers(_ other: HostPattern) -> Bool {
        switch (self, other) {
        case (.any, _): true
        case (_, .any): false
        case (.exact(let name), .exact(let otherName)): name == otherName
        case (.exact, .suffix): false
        case (.suffix, .exact(let name)): matches(name.span)
        case (.suffix(let suffix), .suffix(let otherSuffix)): suffix == otherSuffix || matches(otherSuffix.span)
        }
    }
}

extension PathPattern {
    /// Whether every path that `other` matches is matched by this pattern too.
    func covers(_ other: PathPattern) -> Bool {
        switch (self, other) {
        case (.any, _): true
        case (_, .any): false
        case (.exact, .prefix): false
        case (_, .exact(let path)): matches(path.span)
        case (.prefix, .prefix(let path)): matches(path.span)
        case (.template, .template), (.regex, .regex): self == other
        case (.template, _), (.regex, _), (_, .template), (_, .regex): false
        }
    }
}
