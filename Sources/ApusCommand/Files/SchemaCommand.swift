import Apus
import ArgumentParser

struct SchemaCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "schema",
        abstract: "Print the JSON Schema of the configuration, for editors.",
        discussion: """
            Editors that know YAML complete keys and mark mistakes with it. Name it in the first line of a file:

              apus schema > apus.schema.json
              # yaml-language-server: $schema=apus.schema.json

            Exit status: 0.
            """)

    func run() { print(ConfigurationSchema.text) }
}
