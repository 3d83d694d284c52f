import ApusModel

/// The JSON Schema of a configuration file (draft 2020-12), by which editors complete and check keys.
///
/// It is made from the declarations of the keys; what values say about each other is the loader's business.
public enum ConfigurationSchema {
    static let root = RootSection.shape

    /// One JSON object, on one line.
    public static var text: String {
        let definitions = SharedShape.allCases.map { "\(quoted($0.rawValue)):\(definition($0))" }
            .joined(separator: ",")
        return "{\"$schema\":\"https://json-schema.org/draft/2020-12/schema\",\"title\":\"Apus configuration\","
            + "\"$defs\":{\(definitions)},\(Shape.section(optional).json.dropFirst())"
    }

    /// The keys of a file; what a configuration needs may stand in others that the file includes.
    private static var optional: [KeyDescription] {
        root.keys.map { key in
            var key = key
            key.example = nil
            return key
        }
    }

    private static func definition(_ name: SharedShape) -> String {
        switch name {
        case .duration: Shape.string(QuantityPattern.duration(Bounds.durations))
        case .secret: Shape.either([.text(), SecretFileSection.shape]).json
        case .address: Shape.string(":[0-9]+$")
        case .path: Shape.string("^(/|~ )")
        case .name: "{\"type\":[\"string\",\"number\"]}"
        case .network: Shape.string("^[0-9a-fA-F:.]+(/[0-9]+)?$")
        case .condition: Shape.either([.text(), ValueConditionSection.shape]).json
        case .variable: "{\"type\":\"string\",\"pattern\":\(quoted("\\$\\{"))}"
        }
    }
}
