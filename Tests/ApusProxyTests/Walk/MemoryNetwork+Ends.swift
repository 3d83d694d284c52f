import ApusBalancing
import Glibc

/// What the owner of an end can do: the worker by its descriptor, clients and origins by the end itself.
extension MemoryNetwork {
    /// - Returns: bytes taken, 0 at the end, or minus an errno.
    func receive(into target: UnsafeMutableRawBufferPointer, at end: End) -> Int {
        guard !end.inbox.isEmpty else { return nothingToReceive(end) }
        let count = end.inbox.take(into: target)
        end.readAt = now
        madeRoom(end)
        return count
    }

    func nothingToReceive(_ end: End) -> Int {
        if end.error != 0 {
            defer { end.error = 0 }
            return -Int(end.error)
        }
        return end.hasEnded || end.isDead ? 0 : -Int(EAGAIN)
    }

    /// Something was taken from the inbox: its other end may be able to send again.
    func madeRoom(_ end: End) {
        guard let other = end.other, other.lacksRoom, other.isWritable else { return }
        other.lacksRoom = false
        wake(other)
    }

    /// - Returns: bytes taken, or minus an errno.
    func send(_ bytes: UnsafeRawBufferPointer, from end: End) -> Int {
        if end.error != 0 {
            defer { end.error = 0 }
            return -Int(end.error)
        }
        if end.isDead || end.hasFinished { return -Int(EPIPE) }
        if end.phase == .connecting { return -Int(EAGAIN) }
        guard let other = end.other, !other.isClosed else {
            // Nobody is there to take it, and the system says so a moment later.
            if !end.isDoomed {
                end.isDoomed = true
                run(after: Int64(random.next(below: 500))) { [unowned self] in if !end.isClosed { reset(end) } }
            }
            return bytes.count
        }
        let count = min(bytes.count, end.room)
        if count < bytes.count {
            end.lacksRoom = true
            end.hasLackedRoom = true
        }
        guard count > 0 else { return -Int(EAGAIN) }
        if other.inbox.isEmpty {
            (other.cameAt, other.cameAfter) = (now, turnedBefore)
            other.cameInWant = lackedPlaceAt >= turnedAt
        }
        other.inbox.append(UnsafeRawBufferPointer(rebasing: bytes[..<count]))
        wake(other)
        return count
    }

    /// Ends the sending direction with FIN.
    func finish(_ end: End) {
        guard !end.hasFinished, !end.isDead else { return }
        end.hasFinished = true
        wake(end)
        guard let other = end.other, !other.isClosed else { return }
        other.hasEnded = true
        wake(other)
    }

    /// Closes an end: with FIN, or with RST where something was left unread.
    func close(_ end: End) {
        guard !end.isClosed else { return }
        if end.phase == .connecting || end.isDead {
            end.isClosed = true
        } else if end.inbox.isEmpty {
            finish(end)
            end.isClosed = true
        } else {
            if let other = end.other { reset(other) }
            end.isClosed = true
        }
        end.inbox = ByteQueue()
        if let other = end.other, other.isClosed {
            other.other = nil
            end.other = nil
        }
    }

    /// Closes an end with RST.
    func abandon(_ end: End) {
        if let other = end.other, end.phase == .established { reset(other) }
        close(end)
    }

    /// RST reaches an end. What was on its way to it, or a part of it, never comes.
    func reset(_ end: End) {
        guard !end.isClosed, !end.isDead else { return }
        if resetsOvertake, random.next(below: 2) == 0 { end.inbox.cut(to: random.next(below: end.inbox.count + 1)) }
        // An end that came before stays one.
        end.error = end.hasEnded ? EPIPE : ECONNRESET
        end.isDead = true
        wake(end)
    }
}
