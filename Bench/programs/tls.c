#include "tls.h"

#include <errno.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const cipher_of_1_3 = "TLS_AES_128_GCM_SHA256";
static const char *const host = "bench.example";

static SSL_CTX *context;
static struct tls_terms terms;

static _Noreturn void refuse(const char *what) {
    fprintf(stderr, "OpenSSL refuses %s\n", what);
    ERR_print_errors_fp(stderr);
    exit(1);
}

static void require(int success, const char *what) {
    if (success != 1) refuse(what);
}

static void make_context(const SSL_METHOD *method, int version) {
    context = SSL_CTX_new(method);
    if (context == NULL) refuse("a context");
    require(SSL_CTX_set_min_proto_version(context, version), "the version");
    require(SSL_CTX_set_max_proto_version(context, version), "the version");
    require(SSL_CTX_set_ciphersuites(context, cipher_of_1_3), "the cipher");
    require((int)SSL_CTX_set1_groups_list(context, "X25519"), "the group");
    SSL_CTX_set_mode(context, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    // HTTP says where a response ends. Without this the end of a socket would be an error of the protocol.
    SSL_CTX_set_options(context, SSL_OP_IGNORE_UNEXPECTED_EOF);
    // A record by one call of recv(2), not by two.
    SSL_CTX_set_read_ahead(context, 1);
}

// MARK: a client

static const char *cipher_of_1_2(void) {
    return terms.is_rsa ? "ECDHE-RSA-AES128-GCM-SHA256" : "ECDHE-ECDSA-AES128-GCM-SHA256";
}

/// A session has come: one with a ticket takes the place of the one before.
static int keep_session(SSL *ssl, SSL_SESSION *session) {
    if (!SSL_SESSION_has_ticket(session)) return 0;
    SSL_SESSION **ticket = SSL_get_app_data(ssl);
    SSL_SESSION_free(*ticket);
    *ticket = session;
    return 1;
}

void tls_be_client(const struct tls_terms *wanted) {
    static const unsigned char http_1_1[] = "\x08http/1.1";
    terms = *wanted;
    make_context(TLS_client_method(), terms.version == tls_1_2 ? TLS1_2_VERSION : TLS1_3_VERSION);
    if (terms.version == tls_1_2) {
        require(SSL_CTX_set_cipher_list(context, cipher_of_1_2()), "the cipher");
        // In TLS 1.2 the groups are also the curves that a certificate may have. Keys are exchanged by X25519 (see judge).
        require((int)SSL_CTX_set1_groups_list(context, "X25519:P-256"), "the groups");
    }
    const char *algorithms = terms.is_rsa ? "rsa_pss_rsae_sha256" : "ecdsa_secp256r1_sha256";
    // The preflight verifies the certificate. Here that would only slow the client down; signatures are always checked.
    SSL_CTX_set_verify(context, SSL_VERIFY_NONE, NULL);
    require((int)SSL_CTX_set1_sigalgs_list(context, algorithms), "the kind of key");
    require(SSL_CTX_set_alpn_protos(context, http_1_1, sizeof http_1_1 - 1) == 0, "the protocol");
    int kept = terms.resumes ? SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL : SSL_SESS_CACHE_OFF;
    SSL_CTX_set_session_cache_mode(context, kept);
    SSL_CTX_sess_set_new_cb(context, keep_session);
}

static SSL *make_end(int descriptor) {
    SSL *ssl = SSL_new(context);
    if (ssl == NULL || SSL_set_fd(ssl, descriptor) != 1) refuse("a connection");
    return ssl;
}

struct ssl_st *tls_connect(int descriptor, struct ssl_session_st **ticket) {
    SSL *ssl = make_end(descriptor);
    SSL_set_app_data(ssl, ticket);
    SSL_set_tlsext_host_name(ssl, host);
    if (*ticket != NULL) require(SSL_set_session(ssl, *ticket), "a session");
    SSL_set_connect_state(ssl);
    return ssl;
}

static enum tls_step judge(SSL *ssl) {
    if (SSL_version(ssl) != (terms.version == tls_1_2 ? TLS1_2_VERSION : TLS1_3_VERSION)) return tls_wrong_version;
    const char *cipher = SSL_CIPHER_get_name(SSL_get_current_cipher(ssl));
    if (strcmp(cipher, terms.version == tls_1_2 ? cipher_of_1_2() : cipher_of_1_3) != 0) return tls_wrong_cipher;
    bool resumed = SSL_session_reused(ssl);
    // Resuming TLS 1.2 exchanges no keys; TLS 1.3 does, and proves no key of a certificate.
    bool exchanged_keys = !resumed || terms.version == tls_1_3;
    if (exchanged_keys && SSL_get_negotiated_group(ssl) != NID_X25519) return tls_wrong_group;
    int kind = NID_undef;
    bool proved = SSL_get_peer_signature_type_nid(ssl, &kind) == 1;
    if (!resumed && (!proved || kind != (terms.is_rsa ? EVP_PKEY_RSA_PSS : EVP_PKEY_EC))) return tls_wrong_key;
    return tls_is_open;
}

bool tls_was_resumed(struct ssl_st *ssl) {
    return SSL_session_reused(ssl);
}

// MARK: a server

void tls_be_server(const char *certificate, const char *key) {
    make_context(TLS_server_method(), TLS1_3_VERSION);
    require(SSL_CTX_use_certificate_chain_file(context, certificate), "the certificate");
    require(SSL_CTX_use_PrivateKey_file(context, key, SSL_FILETYPE_PEM), "the key");
    SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
}

struct ssl_st *tls_accept(int descriptor) {
    SSL *ssl = make_end(descriptor);
    SSL_set_accept_state(ssl);
    return ssl;
}

// MARK: both

enum tls_step tls_shake(struct ssl_st *ssl) {
    ERR_clear_error();
    int result = SSL_do_handshake(ssl);
    if (result == 1) return SSL_is_server(ssl) ? tls_is_open : judge(ssl);
    int error = SSL_get_error(ssl, result);
    return error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE ? tls_waits : tls_broken;
}

/// What recv and send would have returned in the place of `result`.
static ssize_t outcome(SSL *ssl, int result) {
    if (result > 0) return result;
    switch (SSL_get_error(ssl, result)) {
    case SSL_ERROR_ZERO_RETURN: return 0;
    case SSL_ERROR_WANT_READ:
    case SSL_ERROR_WANT_WRITE: errno = EAGAIN; return -1;
    default: errno = ECONNRESET; return -1;
    }
}

ssize_t tls_receive(struct ssl_st *ssl, void *bytes, size_t length) {
    ERR_clear_error();
    return outcome(ssl, SSL_read(ssl, bytes, (int)length));
}

ssize_t tls_send(struct ssl_st *ssl, const void *bytes, size_t length) {
    ERR_clear_error();
    return outcome(ssl, SSL_write(ssl, bytes, (int)length));
}

void tls_free(struct ssl_st *ssl) {
    // OpenSSL forgets the session of a connection that ends without close_notify.
    SSL_set_shutdown(ssl, SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN);
    SSL_free(ssl);
}
