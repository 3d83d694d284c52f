import ApusBalancing

/// One side of a conversation in the tests' own protocol: a handshake of five messages, the client's first, and records.
///
/// It moves no bytes: what came is given to it, and what it has to say lies in `output`.
struct SealedSide {
    enum Fault: Equatable {
        /// The first bytes are none of the protocol.
        case foreign
        case broken
        case refused(UInt8)
    }

    let isServer: Bool
    /// What it says of itself.
    let name: String
    /// What the other has said of itself.
    private(set) var peerName: String?
    private var random: SplitMix64
    private let number: UInt64
    private var incoming = SealedKey(0)
    private var outgoing = SealedKey(0)
    private var secret: UInt64 = 0
    /// The record, and the message of the handshake, of which a part has come.
    private var partial: [UInt8] = []
    private var message: [UInt8] = []
    /// The message of the handshake that was said last, by either side.
    private var stage: UInt8 = 0
    /// The other side has ended its direction properly, and this one its own.
    private(set) var hasEnded = false
    private(set) var hasFinished = false
    private(set) var fault: Fault?
    /// What was opened, and what is to be sent.
    var opened = ByteQueue()
    var output: [UInt8] = []

    private static let lastMessage: UInt8 = 5

    init(isServer: Bool, name: String, seed: UInt64) {
        self.isServer = isServer
        self.name = name
        random = SplitMix64(seed: seed)
        number = random.next()
    }

    /// The handshake has begun, on either side.
    var hasSpoken: Bool { stage > 0 }
    /// The handshake is over.
    var isOpen: Bool { stage == Self.lastMessage }
    /// Nothing that comes is looked at any more.
    var isOver: Bool { hasEnded || fault != nil }
    /// Part of a record has come.
    var isInside: Bool { !partial.isEmpty }

    /// Bytes that complete what has begun to come: a header, or a record.
    var wanted: Int {
        guard partial.count >= SealedRecord.header else { return SealedRecord.header - partial.count }
        return SealedRecord.header + (SealedRecord.parse(partial)?.count ?? 0) - partial.count
    }

    // MARK: - What comes

    /// Takes bytes up to the end of a record, and does what it says.
    ///
    /// - Returns: how many.
    mutating func take(_ bytes: UnsafeRawBufferPointer) -> Int {
        var taken = fill(to: SealedRecord.header, bytes, 0)
        guard partial.count >= SealedRecord.header else { return taken }
        guard let (kind, count) = SealedRecord.parse(partial) else {
            fault = stage == 0 && incoming.isFresh ? .foreign : .broken
            return taken
        }
        taken = fill(to: SealedRecord.header + count, bytes, taken)
        guard partial.count == SealedRecord.header + count else { return taken }
        if let body = SealedRecord.open(partial, kind, by: &incoming) { hear(kind, body) } else { fault = .broken }
        partial.removeAll(keepingCapacity: true)
        return taken
    }

    private mutating func fill(to count: Int, _ bytes: UnsafeRawBufferPointer, _ taken: Int) -> Int {
        let missing = min(count - partial.count, bytes.count - taken)
        guard missing > 0 else { return taken }
        partial.append(contentsOf: UnsafeRawBufferPointer(rebasing: bytes[taken..<taken + missing]))
        return taken + missing
    }

    private mutating func hear(_ kind: SealedRecord.Kind, _ body: [UInt8]) {
        switch kind {
        case .handshake where !isOpen: hearMessages(body)
        case .data where isOpen: body.withUnsafeBytes { opened.append($0) }
        case .ticket where isOpen: break
        case .renewal where isOpen && !body.isEmpty:
            incoming.renew()
            if body[0] == 1, !hasFinished { renew(asks: false) }
        case .alert where body.first == 0 && isOpen: hasEnded = true
        case .alert where body.first != 0: fault = .refused(body.first ?? 0)
        default: fault = .broken
        }
    }

    // MARK: - The handshake

    /// The client's first message.
    mutating func begin() { say(1) }

    private mutating func hearMessages(_ bytes: [UInt8]) {
        message += bytes
        while message.count >= 12, fault == nil {
            let count = 3 + Int(message[1]) << 8 + Int(message[2])
            guard message.count >= count else { return }
            hearMessage(Array(message[..<count]))
            message.removeFirst(count)
        }
    }

    private mutating func hearMessage(_ message: [UInt8]) {
        guard message[0] == stage + 1, (message[0] % 2 == 1) == isServer, message.count >= 12 + Int(message[11]) else {
            fault = .broken
            return
        }
        stage = message[0]
        if stage <= 2 {
            peerName = String(decoding: message[12..<12 + Int(message[11])], as: UTF8.self)
            secret = number ^ message[3..<11].reduce(0) { $0 << 8 | UInt64($1) }
        }
        changeKeys()
        if stage < Self.lastMessage { say(stage + 1) } else { sayTicket() }
    }

    private mutating func say(_ stage: UInt8) {
        var content = (0..<8).map { UInt8(truncatingIfNeeded: number >> UInt64(56 - 8 * $0)) }
        content += [UInt8(name.utf8.count)] + Array(name.utf8)
        let filler = random.next(below: random.next(below: 5) == 0 ? 5_000 : 60)
        content += [UInt8](repeating: stage, count: filler)
        var message = [stage, UInt8(content.count >> 8), UInt8(content.count & 0xff)] + content
        while !message.isEmpty {
            let count = min(message.count, 1 + random.next(below: random.next(below: 4) == 0 ? message.count : 4_000))
            SealedRecord.append(.handshake, Array(message[..<count]), by: &outgoing, to: &output)
            message.removeFirst(count)
        }
        self.stage = stage
        changeKeys()
    }

    /// After its last message the server has another key, and so has the client after its own.
    private mutating func changeKeys() {
        guard stage >= 4 else { return }
        if isServer == (stage == 4) { outgoing = SealedKey(secret &+ UInt64(stage)) }
        if isServer != (stage == 4) { incoming = SealedKey(secret &+ UInt64(stage)) }
    }

    private mutating func sayTicket() {
        for _ in 0..<random.next(below: 3) {
            SealedRecord.append(
                .ticket, [UInt8](repeating: 7, count: random.next(below: 200)), by: &outgoing, to: &output)
        }
    }

    // MARK: - What is said

    mutating func seal(_ bytes: UnsafeRawBufferPointer) {
        SealedRecord.append(.data, bytes, by: &outgoing, to: &output)
    }

    mutating func renew(asks: Bool) {
        SealedRecord.append(.renewal, [asks ? 1 : 0], by: &outgoing, to: &output)
        outgoing.renew()
    }

    /// Ends this side's direction.
    mutating func finish() {
        guard isOpen, !hasFinished, fault == nil else { return }
        hasFinished = true
        SealedRecord.append(.alert, [0], by: &outgoing, to: &output)
    }

    mutating func refuse(_ alert: UInt8) { SealedRecord.append(.alert, [alert], by: &outgoing, to: &output) }

    /// Says what is no record, or one that is not right.
    mutating func lie() {
        guard random.next(below: 2) == 0 else {
            output += [UInt8](repeating: 0x99, count: 1 + SealedRecord.header + random.next(below: 40))
            return
        }
        let place = output.count + SealedRecord.header - 1
        SealedRecord.append(isOpen ? .data : .handshake, [1, 2, 3], by: &outgoing, to: &output)
        output[place] ^= 1 << UInt8(random.next(below: 8))
    }
}
