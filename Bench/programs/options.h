// What the load generator is asked to do.
#ifndef BENCH_OPTIONS_H
#define BENCH_OPTIONS_H

#include "tls.h"

#include <stdbool.h>
#include <stdint.h>

struct options {
    /// --port N: where the proxy listens, on 127.0.0.1.
    uint16_t port;
    /// --path P, by default /small, and --length N: how long its body is.
    const char *path;
    uint64_t length;
    /// --connections N, by default 64, at most 20,000.
    uint32_t connections;
    /// --upload N: POST a body of so many bytes; --chunked-upload: in chunks.
    uint64_t upload;
    bool chunked_upload;
    /// --expect-chunked: the response must come in chunks.
    bool expect_chunked;
    /// --one-per-connection: a new connection for each request, with `Connection: close`; --silent-close: without it,
    /// for a proxy that closes anyway.
    bool one_per_connection, silent_close;
    /// --rate R: requests per second, open loop; 0 is a closed loop.
    double rate;
    /// --warmup S and --seconds S: what is not measured, and what is.
    double warmup, seconds;
    /// --timeout S: how long a request may take at most, by default 10.
    double timeout;
    /// --idle: one request per connection, then hold them all until standard input ends.
    bool idle;
    /// --tls VERSION (1.2 or 1.3): speak TLS, and let the server choose nothing (see tls.h).
    /// --tls-key KIND: the kind of key that it must show, ecdsa (the default) or rsa.
    /// --tls-resume: every connection resumes the session of the one before in its slot. Only the first cannot, and is
    /// made before the clock starts.
    struct tls_terms tls;
    /// --timeline: print requests and failures second by second.
    bool timeline;
};

/// Reads the command line; ends the process with 2 and a message when it is wrong.
struct options options_read(int count, char **arguments);

#endif
