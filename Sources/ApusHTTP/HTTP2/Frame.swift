/// The header of a frame (RFC 9113 section 4.1).
public struct FrameHeader: Sendable, Equatable, BitwiseCopyable {
    /// Bytes of a header.
    public static let count = 9

    /// Bytes of what follows it: below 2^24.
    public var length: Int
    public var kind: FrameKind
    public var flags: FrameFlags
    /// 0 for the connection; below 2^31, the bit above it is nobody's.
    public var stream: UInt32

    public init(_ kind: FrameKind, flags: FrameFlags = [], stream: UInt32 = 0, length: Int) {
        self.kind = kind
        self.flags = flags
        self.stream = stream
        self.length = length
    }

    /// The header at `offset`; nil when it has not arrived whole.
    public init?(_ bytes: Span<UInt8>, at offset: Int) {
        guard bytes.count - offset >= Self.count else { return nil }
        length = Int(bytes[offset]) << 16 | Int(bytes[offset + 1]) << 8 | Int(bytes[offset + 2])
        kind = FrameKind(rawValue: bytes[offset + 3])
        flags = FrameFlags(rawValue: bytes[offset + 4])
        stream = bytes.bigEndian(at: offset + 5) & 0x7fff_ffff
    }

    public func write(to sink: inout some FrameSink & ~Copyable) {
        for shift in [16, 8, 0] { sink.append(UInt8(truncatingIfNeeded: length >> shift)) }
        sink.append(kind.rawValue)
        sink.append(flags.rawValue)
        sink.append(number: stream)
    }
}

/// What a frame is. There are others, which are ignored (RFC 9113 section 5.5).
public struct FrameKind: RawRepresentable, Sendable, Hashable, BitwiseCopyable {
    public var rawValue: UInt8

    public init(rawValue: UInt8) { self.rawValue = rawValue }

    public static let data = FrameKind(rawValue: 0)
    public static let headers = FrameKind(rawValue: 1)
    /// Of RFC 7540; without effect.
    public static let priority = FrameKind(rawValue: 2)
    public static let reset = FrameKind(rawValue: 3)
    public static let settings = FrameKind(rawValue: 4)
    public static let pushPromise = FrameKind(rawValue: 5)
    public static let ping = FrameKind(rawValue: 6)
    public static let goAway = FrameKind(rawValue: 7)
    public static let windowUpdate = FrameKind(rawValue: 8)
    public static let continuation = FrameKind(rawValue: 9)
    /// RFC 9218 section 7.
    public static let priorityUpdate = FrameKind(rawValue: 16)
}

/// The flags of frames; which of them a frame knows depends on its kind.
public struct FrameFlags: OptionSet, Sendable, Hashable, BitwiseCopyable {
    public var rawValue: UInt8

    public init(rawValue: UInt8) { self.rawValue = rawValue }

    /// Of DATA and HEADERS: the sender's last of the stream.
    public static let endStream = FrameFlags(rawValue: 0x1)
    /// Of SETTINGS and PING: an answer.
    public static let ack = FrameFlags(rawValue: 0x1)
    /// Of HEADERS and CONTINUATION: the block's last.
    public static let endHeaders = FrameFlags(rawValue: 0x4)
    public static let padded = FrameFlags(rawValue: 0x8)
    /// Of HEADERS: five bytes of a priority that has no effect.
    public static let priority = FrameFlags(rawValue: 0x20)
}

/// Why a stream or a connection ended (RFC 9113 section 7). There may be others, which mean nothing special.
public struct HTTP2Error: RawRepresentable, Error, Sendable, Hashable, BitwiseCopyable {
    public var rawValue: UInt32

    public init(rawValue: UInt32) { self.rawValue = rawValue }

    public static let none = HTTP2Error(rawValue: 0)
    public static let protocolError = HTTP2Error(rawValue: 1)
    public static let internalError = HTTP2Error(rawValue: 2)
    public static let flowControl = HTTP2Error(rawValue: 3)
    public static let settingsTimeout = HTTP2Error(rawValue: 4)
    public static let streamClosed = HTTP2Error(rawValue: 5)
    public static let frameSize = HTTP2Error(rawValue: 6)
    public static let refusedStream = HTTP2Error(rawValue: 7)
    public static let cancel = HTTP2Error(rawValue: 8)
    public static let compression = HTTP2Error(rawValue: 9)
    public static let connect = HTTP2Error(rawValue: 10)
    public static let enhanceYourCalm = HTTP2Error(rawValue: 11)
    public static let inadequateSecurity = HTTP2Error(rawValue: 12)
    public static let http11Required = HTTP2Error(rawValue: 13)
}

extension HTTP2Error: CustomStringConvertible {
    private static let names = [
        "NO_ERROR", "PROTOCOL_ERROR", "INTERNAL_ERROR", "FLOW_CONTROL_ERROR", "SETTINGS_TIMEOUT", "STREAM_CLOSED",
        "FRAME_SIZE_ERROR", "REFUSED_STREAM", "CANCEL", "COMPRESSION_ERROR", "CONNECT_ERROR", "ENHANCE_YOUR_CALM",
        "INADEQUATE_SECURITY", "HTTP_1_1_REQUIRED",
    ]

    public var description: String {
        rawValue < Self.names.count ? Self.names[Int(rawValue)] : "error \(rawValue)"
    }
}

/// Where frames are written.
public protocol FrameSink: ~Copyable {
    mutating func append(_ byte: UInt8)
}

extension FrameSink where Self: ~Copyable {
    mutating func append(number: UInt32) {
        for shift: UInt32 in [24, 16, 8, 0] { append(UInt8(truncatingIfNeeded: number >> shift)) }
    }
}

extension Span<UInt8> {
    /// The four bytes at `offset`, the highest first.
    func bigEndian(at offset: Int) -> UInt32 {
        UInt32(self[offset]) << 24 | UInt32(self[offset + 1]) << 16 | UInt32(self[offset + 2]) << 8
            | UInt32(self[offset + 3])
    }
}
