// What takes the place of tls.c where OpenSSL is not linked.
#include "tls.h"

#include <stdio.h>
#include <stdlib.h>

static _Noreturn void refuse(void) {
    fprintf(stderr, "This program was built without TLS: use the one whose name ends with -tls.\n");
    exit(2);
}

#define UNUSED __attribute__((unused))

void tls_be_client(const struct tls_terms *wanted UNUSED) { refuse(); }
void tls_be_server(const char *certificate UNUSED, const char *key UNUSED) { refuse(); }
struct ssl_st *tls_connect(int descriptor UNUSED, struct ssl_session_st **ticket UNUSED) { refuse(); }
struct ssl_st *tls_accept(int descriptor UNUSED) { refuse(); }
enum tls_step tls_shake(struct ssl_st *ssl UNUSED) { refuse(); }
bool tls_was_resumed(struct ssl_st *ssl UNUSED) { refuse(); }
ssize_t tls_receive(struct ssl_st *ssl UNUSED, void *bytes UNUSED, size_t length UNUSED) { refuse(); }
ssize_t tls_send(struct ssl_st *ssl UNUSED, const void *bytes UNUSED, size_t length UNUSED) { refuse(); }
void tls_free(struct ssl_st *ssl UNUSED) { refuse(); }
