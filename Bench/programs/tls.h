// TLS for the load generator and the origin, by the system's OpenSSL, on sockets that do not block.
//
// Whichever side is used leaves the other no choice: one version, one cipher (AES-128-GCM with SHA-256), one group
// (X25519) and, for a client, one kind of key. So all proxies do the same work, or their handshakes fail.
//
// tls.c is linked into load-tls and origin-tls; without_tls.c takes its place in load and origin, so that a machine
// without OpenSSL's headers can run what needs no TLS.
#ifndef BENCH_TLS_H
#define BENCH_TLS_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/// OpenSSL's names, so that this header needs none of its own: a connection (SSL) and a session (SSL_SESSION).
struct ssl_st;
struct ssl_session_st;

/// What a client offers.
struct tls_terms {
    enum { tls_off, tls_1_2, tls_1_3 } version;
    /// The certificate's key is RSA; ECDSA with P-256 otherwise.
    bool is_rsa;
    /// Sessions are kept, to be resumed; otherwise every handshake is a full one.
    bool resumes;
};

/// Where a handshake stands. `tls_wrong_*`: it succeeded, but not on the client's terms.
enum tls_step {
    tls_waits,
    tls_is_open,
    tls_broken,
    tls_wrong_version,
    tls_wrong_cipher,
    tls_wrong_group,
    tls_wrong_key,
};

/// To be called first, once: what all connections of this process do.
void tls_be_client(const struct tls_terms *);
void tls_be_server(const char *certificate, const char *key);

/// A client's end of the connection. It offers the session `*ticket` if there is one; the newest that the server sends
/// takes its place.
struct ssl_st *tls_connect(int descriptor, struct ssl_session_st **ticket);

/// A server's end of the connection.
struct ssl_st *tls_accept(int descriptor);

/// Goes on with the handshake. A client then looks at what came of it.
enum tls_step tls_shake(struct ssl_st *);

/// Whether the handshake resumed a session.
bool tls_was_resumed(struct ssl_st *);

/// As recv(2) and send(2) on a socket that does not block. `tls_receive` returns one record at most.
ssize_t tls_receive(struct ssl_st *, void *bytes, size_t length);
ssize_t tls_send(struct ssl_st *, const void *bytes, size_t length);

/// Frees it without sending anything. The session stays good.
void tls_free(struct ssl_st *);

#endif
