// Reads responses and checks every byte of them.
#ifndef BENCH_RESPONSE_H
#define BENCH_RESPONSE_H

#include "wire.h"

/// What the response to every request must be.
struct expectation {
    /// The body's length, and its text; without a text it must be the pattern.
    uint64_t length;
    const char *text;
    bool chunked;
};

enum failure {
    no_failure,
    connect_failed,
    connection_reset,
    closed_early,
    timed_out,
    wrong_status,
    wrong_framing,
    wrong_length,
    wrong_content,
    handshake_failed,
    wrong_version,
    wrong_cipher,
    wrong_group,
    wrong_key,
    not_resumed,
    failure_count,
};

extern const char *const failure_names[failure_count];

/// Where the reader of one connection stands.
struct response_reader {
    enum { response_head, response_length, response_chunks } at;
    struct chunked chunks;
    uint64_t left, body;
    /// The response said that the connection ends with it.
    bool closes;
    /// A head that was cut in two.
    char *held;
    size_t held_length;
};

enum response_step { response_more, response_complete, response_failed };

/// Reads on in `bytes` to the end of one response at most. `*used` says how far. `*failure` says what was wrong.
enum response_step response_read(
    struct response_reader *, const struct expectation *, const char *bytes, size_t length, size_t *used,
    enum failure *failure);

/// Forgets a response that was under way.
void response_forget(struct response_reader *);

#endif
