// What the bench's programs share: the content of every body, the chunked coding, sockets and time.
//
// Plain C: what these programs measure is the price of system calls, so nothing of a language's runtime may stand
// between them and the kernel, and each builds in a second.
#ifndef BENCH_WIRE_H
#define BENCH_WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/epoll.h>

enum {
    kilobyte = 1000,
    megabyte = 1000 * 1000,
    small_length = 128,
    chunked_parts = 16,
    largest_body = 64 * megabyte,
    // A prime, so that a body that lost, repeated or swapped blocks of any usual size no longer matches.
    pattern_period = 65521,
    largest_read = 256 * 1024,
};

/// The endless content of bodies, both ways: byte i of a body is byte i mod `pattern_period` of it. As much as one read
/// can bring may be compared from any offset.
extern unsigned char pattern[pattern_period + largest_read];

/// Fills `pattern`. To be called first.
void pattern_make(void);

/// Whether `length` bytes (at most `largest_read`) are what a body holds at `offset`.
bool pattern_matches(const char *bytes, size_t length, uint64_t offset);

/// Where a reader of a chunked body stands (RFC 9112 section 7.1).
struct chunked {
    enum { chunk_size, chunk_extension, chunk_data, chunk_data_end, chunk_trailer, chunk_trailer_line } at;
    uint64_t remaining;
    unsigned digits;
};

enum chunked_step { chunked_more, chunked_data, chunked_end, chunked_bad };

/// Reads on from `*bytes`, which it moves, up to the next piece of data, the body's end or the end of what is there.
enum chunked_step chunked_read(
    struct chunked *, const char **bytes, const char *end, const char **data, size_t *length);

/// The value of the field `name` (lower case, with its colon) in a head, or NULL.
const char *field_value(const char *head, size_t length, const char *name);

/// The offset behind the head's final blank line, or 0 when it is not all there.
size_t head_length(const char *bytes, size_t length);

uint64_t nanoseconds(void);

/// A socket that listens on 127.0.0.1, or `everywhere` (in a network namespace of its own); `*port` 0 becomes the port the
/// system gave. Several may share a port.
int listen_on(uint16_t *port, bool everywhere);

/// What a descriptor is registered for, once and for all.
enum { every_event = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET };

void no_delay(int descriptor);

/// Ends this process when the one that started it ends.
void end_with_parent(void);

_Noreturn void fail(const char *what);

#endif
