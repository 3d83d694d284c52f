import ApusModel

extension Timeouts {
    init(_ field: Field, _ findings: inout Findings) {
        self.init()
        guard var section = Section(field, "`timeouts`", example: "{ connect: 3s }", &findings) else { return }
        section.read("request_head", into: &requestHead, &findings)
        section.read("idle", into: &idle, &findings)
        section.read("connect", into: &connect, &findings)
        section.read("response_head", into: &responseHead, &findings)
        section.read("body", into: &body, &findings)
        section.read("drain", into: &drain, &findings)
        section.finish(&findings)
    }
}
