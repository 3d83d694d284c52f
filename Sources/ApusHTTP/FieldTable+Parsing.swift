extension FieldTable {
    /// Parses field lines from `start` up to and including the empty line that ends them (RFC 9112 section 5).
    ///
    /// Serves heads and trailer sections alike. What it refuses is decided by the first defect in the order of the
    /// bytes, so the answer is the same however the input was cut.
    ///
    /// Names that could be taken for others are dropped: from clients by `clientRules`, elsewhere those that fold into a
    /// field that is understood and are not written like it.
    ///
    /// - Returns: the offset behind the empty line, or nil when it has not arrived yet.
    mutating func parseSection(
        _ bytes: Span<UInt8>, from start: Int, limit: Int, of section: Section
    ) throws(Reason) -> Int? {
        removeAll()
        var isOdd = false
        var offset = start
        while offset < bytes.count {
            let first = bytes[offset]
            if first == cr {
                let end = try Self.lineFeed(bytes, behindCR: offset)
                if end != nil, isOdd || clientRules.hasNames || section == .requestTrailer {
                    applyRules(bytes, section)
                }
                return end
            }
            if first == lf { throw .bareLF }
            if first == space || first == tab { throw .obsoleteLineFolding }
            guard let nameEnd = try Self.nameEnd(bytes, from: offset, isOdd: &isOdd) else { return nil }
            // One space stands before the value, and none behind it, in nearly every line.
            var valueStart = nameEnd &+ 1
            var isCanonical = valueStart < bytes.count && bytes[valueStart] == space
            if isCanonical { valueStart &+= 1 }
            while valueStart < bytes.count, bytes[valueStart] == space || bytes[valueStart] == tab {
                isCanonical = false
                valueStart &+= 1
            }
            guard let lineEnd = try Self.lineEnd(bytes, from: valueStart) else { return nil }
            guard count < limit else { throw .tooManyFields }
            var valueEnd = lineEnd &- 2
            while valueEnd > valueStart, bytes[valueEnd &- 1] == space || bytes[valueEnd &- 1] == tab {
                isCanonical = false
                valueEnd &-= 1
            }
            append(
                FieldLine(
                    start: offset, nameEnd: nameEnd, value: valueStart..<valueEnd, end: lineEnd,
                    field: KnownField(bytes, offset..<nameEnd), isCanonical: isCanonical))
            offset = lineEnd
        }
        return nil
    }

    /// Where field lines stand.
    enum Section { case request, response, requestTrailer, responseTrailer }

    /// Does with each line what its name asks for.
    @inline(never)
    private mutating func applyRules(_ bytes: Span<UInt8>, _ section: Section) {
        for index in 0..<count {
            let name = lines[index].name
            if section == .requestTrailer {
                if clientRules.dropsTrailer(bytes, name) { drop(index) }
                continue
            }
            guard bytes.isOddName(name) else {
                if section == .request {
                    lines[index].field = clientRules.adjusted(lines[index].field, bytes, name)
                    known.formUnion(KnownField.Set(lines[index].field))
                }
                continue
            }
            let isDropped =
                switch section {
                case .request: clientRules.drops(bytes, name)
                case .response: KnownField.Set.understoodInResponses.contains(KnownField(folding: bytes, name))
                case .requestTrailer, .responseTrailer: KnownField(folding: bytes, name) != .other
                }
            if isDropped { drop(index) } else { lines[index].field = .other }
        }
    }

    /// The offset of the colon behind the name that starts at `start`; nil when it has not arrived yet.
    ///
    /// - Parameter isOdd: becomes true if the name `isOddName`.
    @inline(__always)
    private static func nameEnd(
        _ bytes: Span<UInt8>, from start: Int, isOdd: inout Bool
    ) throws(Reason) -> Int? {
        let offset = bytes.tokenEnd(from: start, isOdd: &isOdd)
        guard offset < bytes.count else { return nil }
        switch bytes[offset] {
        case colon where offset > start: return offset
        case space, tab: throw .spaceBeforeColon
        case lf: throw .bareLF
        case cr:
            guard try lineFeed(bytes, behindCR: offset) != nil else { return nil }
            throw .badFieldName
        default: throw .badFieldName
        }
    }

    /// The offset behind the CR LF that ends the value which starts at `start`; nil when it has not arrived yet.
    @inline(__always)
    static func lineEnd(_ bytes: Span<UInt8>, from start: Int) throws(Reason) -> Int? {
        var offset = start
        while true {
            offset = bytes.firstControl(from: offset)
            guard offset < bytes.count else { return nil }
            switch bytes[offset] {
            case tab: offset &+= 1
            case cr: return try lineFeed(bytes, behindCR: offset)
            case lf: throw .bareLF
            default: throw .badFieldValue
            }
        }
    }

    /// The offset behind the LF that must follow the CR at `offset`; nil when nothing follows it yet.
    @inline(__always)
    static func lineFeed(_ bytes: Span<UInt8>, behindCR offset: Int) throws(Reason) -> Int? {
        guard offset &+ 1 < bytes.count else { return nil }
        guard bytes[offset &+ 1] == lf else { throw .bareCR }
        return offset &+ 2
    }

    /// Drops every line that a Connection field names (RFC 9110 section 7.6.1), but for those that must stand.
    mutating func dropLines(namedIn value: Range<Int>, _ bytes: Span<UInt8>) {
        forEachElement(of: bytes, in: value) { element in
            let first = bytes[element.lowerBound] | 0x20
            for index in 0..<count where !lines[index].isDropped {
                // Nearly all of them differ in this.
                let name = lines[index].name
                guard name.count == element.count, bytes[name.lowerBound] | 0x20 == first else { continue }
                if !lines[index].field.isProtected, bytes.equalIgnoringCase(name, element) { drop(index) }
            }
        }
    }
}

/// Calls `body` with each element of a comma-separated list, trimmed, empty ones left out (RFC 9110 section 5.6.1).
@inline(__always)
func forEachElement<E: Error>(
    of bytes: Span<UInt8>, in list: Range<Int>, _ body: (Range<Int>) throws(E) -> Void
) throws(E) {
    var start = list.lowerBound
    while start < list.upperBound {
        var end = start
        while end < list.upperBound, bytes[end] != comma { end += 1 }
        let element = bytes.trimmed(start..<end)
        if !element.isEmpty { try body(element) }
        start = end + 1
    }
}
