/// Whether a head that was incomplete could have become complete, or refusable, by bytes that arrived since.
///
/// That is so at an empty line, and at a CR or LF that stands alone.
///
/// A head that trickles in is parsed again only when this says so; a slow client thus costs one look at each byte,
/// not one parse of everything so far.
///
/// - Parameter offset: where the new bytes start.
public func headMayEnd(_ bytes: Span<UInt8>, newFrom offset: Int) -> Bool {
    var index = max(0, offset - 2)
    while index < bytes.count {
        if bytes[index] == lf {
            // A bare LF, or the LF of a line behind which the empty line stands.
            if index == 0 || bytes[index - 1] != cr { return true }
            if index + 2 < bytes.count, bytes[index + 1] == cr, bytes[index + 2] == lf { return true }
        } else if bytes[index] == cr, index + 1 < bytes.count, bytes[index + 1] != lf {
            return true
        }
        index += 1
    }
    return false
}
