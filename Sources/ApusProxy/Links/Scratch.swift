import ApusHTTP

/// Tables that are filled for one message and used again for the next.
struct Scratch: ~Copyable {
    /// The fields of the response's head that is in hand, and of the trailers parsed last.
    var responseFields = FieldTable()
    var trailers = FieldTable()
    /// What will be the next chunk of a chunked body.
    var chunk = ChunkRanges()
    /// The endpoint of which an idle connection was given up last.
    var givingUp = 0
}
