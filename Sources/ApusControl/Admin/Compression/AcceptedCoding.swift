/// What a client says about content codings (RFC 9110 section 12.5.3).
enum AcceptedCoding {
    /// Whether `gzip` may be sent, and the client does not prefer the bytes as they are.
    ///
    /// - Parameter field: the values of Accept-Encoding, joined; nil for none.
    static func takesGzip(_ field: String?) -> Bool {
        guard let field else { return false }
        var gzip: Double?
        var identity: Double?
        var any: Double?
        for element in field.split(separator: ",") {
            let parts = element.split(separator: ";").map { $0.filter { $0 != " " && $0 != "\t" }.lowercased() }
            guard let coding = parts.first else { continue }
            let quality = quality(parts.dropFirst())
            switch coding {
            case "gzip", "x-gzip": gzip = max(gzip ?? 0, quality)
            case "identity": identity = quality
            case "*": any = quality
            default: continue
            }
        }
        let taken = gzip ?? any ?? 0
        return taken > 0 && taken >= identity ?? 0
    }

    /// What is not a quality is taken for a refusal.
    private static func quality(_ parameters: some Sequence<String>) -> Double {
        for parameter in parameters where parameter.hasPrefix("q=") {
            guard let value = Double(parameter.dropFirst(2)), (0...1).contains(value) else { return 0 }
            return value
        }
        return 1
    }
}
