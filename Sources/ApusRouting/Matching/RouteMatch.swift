public import ApusAddresses

/// What a route asks of a request. All of it must be so; what is empty asks nothing.
public struct RouteMatch: Sendable, Equatable {
    /// One of these hosts; empty for any.
    public var hosts: [HostPattern]
    public var path: PathPattern
    /// One of these methods, in upper case as they are sent; empty for any. GET does not stand for HEAD.
    public var methods: [String]
    /// All of these header fields.
    public var fields: [ValueCondition]
    /// All of these query parameters.
    public var query: [ValueCondition]
    /// All of these cookies.
    public var cookies: [ValueCondition]
    /// A client in one of these networks, seen through trusted proxies; empty for any.
    public var clients: [Network]

    public init(
        hosts: [HostPattern] = [], path: PathPattern = .any, methods: [String] = [], fields: [ValueCondition] = [],
        query: [ValueCondition] = [], cookies: [ValueCondition] = [], clients: [Network] = []
    ) {
        self.hosts = hosts
        self.path = path
        self.methods = methods
        self.fields = fields
        self.query = query
        self.cookies = cookies
        self.clients = clients
    }
}

/// What is asked of a header field, a query parameter or a cookie.
public struct ValueCondition: Sendable, Equatable {
    /// A field's name in lower case; a parameter's or cookie's as it is written, since those have case.
    public var name: String
    public var test: ValueTest
    /// Whether the condition is met when the test is not: also by requests without the field.
    public var isNegated: Bool

    public init(name: String, test: ValueTest, isNegated: Bool = false) {
        self.name = name
        self.test = test
        self.isNegated = isNegated
    }
}

/// A test of a value. Of several values by the same name one must pass it.
public enum ValueTest: Sendable, Equatable {
    /// It is there, whatever it is.
    case present
    case exact([UInt8])
    case prefix([UInt8])
    /// Matches the whole value.
    case regex(RegularExpression)
}
