// The origin of every scenario: one thread, any number of ports, as cheap as an HTTP server can be.
//
//   origin [--everywhere] [--tls CERTIFICATE KEY] PORT...   0 takes a free port; prints the ports when it is ready
//
//   GET  /small            128 bytes                    GET  /100k      100,000 bytes
//   GET  /10m              10,000,000 bytes             GET  /chunked   100,000 bytes in 16 chunks
//   POST /upload           "LENGTH ok" or "LENGTH wrong": how long the body was and whether it was the pattern
//   GET  /head             its own port and the request head, as they arrived here
//
// Connections are kept alive, pipelined requests answered in order, bodies taken with Content-Length or chunked. With
// --tls it speaks TLS 1.3 (see tls.h).
#include "tls.h"
#include "wire.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

/// A response, head and body, made once. (Sent from memory: sendfile(2) of 4 KiB pages is slower on loopback, to
/// send and to receive.)
struct response {
    char *bytes;
    size_t length;
};

struct connection {
    int descriptor;
    uint16_t port;
    bool is_listener;
    /// NULL where plain HTTP is spoken.
    struct ssl_st *tls;
    bool is_shaking;
    /// The client asked for the end behind the response; the response has been given.
    bool close_asked, close_when_sent;
    bool peer_finished;
    enum { reading_head, reading_length, reading_chunks } phase;
    struct chunked chunks;
    uint64_t body_left, body_read;
    bool body_matches;
    /// What is being sent and how far; NULL when nothing is.
    const struct response *sending;
    size_t sent;
    /// Input that cannot be used yet: part of a head, or requests behind a response that is not sent yet.
    char *held;
    size_t held_length;
    struct response own;
    char own_bytes[8192 + 512];
};

static struct response small, hundred_kilobytes, ten_megabytes, in_chunks, not_found, bad_request;
static char date_line[64];
static int poll;
static bool speaks_tls;
static char input[2 * largest_read];

static struct response make_response(const char *status, size_t body_length) {
    char *bytes = malloc(body_length + 512);
    int head = sprintf(
        bytes, "HTTP/1.1 %s\r\nServer: origin\r\n%sContent-Type: application/octet-stream\r\n"
               "Content-Length: %zu\r\n\r\n",
        status, date_line, body_length);
    for (size_t i = 0; i < body_length; i++) bytes[(size_t)head + i] = (char)pattern[i % pattern_period];
    return (struct response){bytes, (size_t)head + body_length};
}

static struct response make_chunked_response(size_t body_length) {
    char *bytes = malloc(body_length + 2048);
    char *at = bytes;
    at += sprintf(
        at, "HTTP/1.1 200 OK\r\nServer: origin\r\n%sContent-Type: application/octet-stream\r\n"
            "Transfer-Encoding: chunked\r\n\r\n", date_line);
    size_t part = body_length / chunked_parts;
    for (size_t i = 0; i < body_length; i += part) {
        at += sprintf(at, "%zx\r\n", part);
        for (size_t j = i; j < i + part; j++) *at++ = (char)pattern[j % pattern_period];
        at += sprintf(at, "\r\n");
    }
    at += sprintf(at, "0\r\n\r\n");
    return (struct response){bytes, (size_t)(at - bytes)};
}

static void make_responses(void) {
    time_t now = time(NULL);
    strftime(date_line, sizeof date_line, "Date: %a, %d %b %Y %H:%M:%S GMT\r\n", gmtime(&now));
    small = make_response("200 OK", small_length);
    hundred_kilobytes = make_response("200 OK", 100 * kilobyte);
    ten_megabytes = make_response("200 OK", 10 * megabyte);
    in_chunks = make_chunked_response(100 * kilobyte);
    not_found = make_response("404 Not Found", 0);
    bad_request = make_response("400 Bad Request", 0);
}

static void end_connection(struct connection *c) {
    if (c->tls != NULL) tls_free(c->tls);
    close(c->descriptor);
    free(c->held);
    free(c);
}

/// Sends on; true when the response is out, false when the socket is full (or broken: its end will be an event).
static bool send_on(struct connection *c) {
    const struct response *r = c->sending;
    while (c->sent < r->length) {
        const char *bytes = r->bytes + c->sent;
        size_t length = r->length - c->sent;
        ssize_t n = c->tls != NULL ? tls_send(c->tls, bytes, length) : send(c->descriptor, bytes, length, MSG_NOSIGNAL);
        if (n < 0) return false;
        c->sent += (size_t)n;
    }
    c->sending = NULL;
    return true;
}

static bool answer(struct connection *c, const struct response *response) {
    c->sending = response;
    c->sent = 0;
    c->close_when_sent = c->close_asked;
    return send_on(c);
}

static bool answer_text(struct connection *c, const char *text, size_t length) {
    int head = sprintf(
        c->own_bytes, "HTTP/1.1 200 OK\r\nServer: origin\r\n%sContent-Type: text/plain\r\nContent-Length: %zu\r\n\r\n",
        date_line, length);
    memcpy(c->own_bytes + head, text, length);
    c->own = (struct response){c->own_bytes, (size_t)head + length};
    return answer(c, &c->own);
}

static bool answer_upload(struct connection *c) {
    char text[64];
    int length = sprintf(text, "%llu %s\n", (unsigned long long)c->body_read, c->body_matches ? "ok" : "wrong");
    c->phase = reading_head;
    return answer_text(c, text, (size_t)length);
}

static void take_body(struct connection *c, const char *bytes, size_t length) {
    while (length > 0) {
        size_t piece = length < largest_read ? length : largest_read;
        c->body_matches = c->body_matches && pattern_matches(bytes, piece, c->body_read);
        c->body_read += piece;
        bytes += piece;
        length -= piece;
    }
}

static bool is_path(const char *target, const char *path) {
    size_t length = strlen(path);
    return strncmp(target, path, length) == 0 && (target[length] == ' ' || target[length] == '?');
}

/// Answers a GET, or gets ready for the body of a POST. False when the answer could not be sent at once.
static bool take_head(struct connection *c, const char *head, size_t length) {
    if (length >= 15 && memcmp(head, "GET /small HTTP", 15) == 0 && field_value(head, length, "connection:") == NULL)
        return answer(c, &small);
    const char *connection = field_value(head, length, "connection:");
    c->close_asked = connection != NULL && strncasecmp(connection, "close", 5) == 0;
    const char *target = memchr(head, ' ', length);
    if (target == NULL) return c->close_asked = true, answer(c, &bad_request);
    target++;
    if (memcmp(head, "POST ", 5) == 0 && is_path(target, "/upload")) {
        const char *body_length = field_value(head, length, "content-length:");
        c->phase = body_length != NULL ? reading_length : reading_chunks;
        c->body_left = body_length != NULL ? strtoull(body_length, NULL, 10) : 0;
        c->body_read = 0;
        c->body_matches = true;
        c->chunks = (struct chunked){0};
        return c->phase == reading_length && c->body_left == 0 ? answer_upload(c) : true;
    }
    if (is_path(target, "/small")) return answer(c, &small);
    if (is_path(target, "/100k")) return answer(c, &hundred_kilobytes);
    if (is_path(target, "/10m")) return answer(c, &ten_megabytes);
    if (is_path(target, "/chunked")) return answer(c, &in_chunks);
    if (is_path(target, "/head") && length < 8000) {
        char text[8192];
        int line = sprintf(text, "%u\r\n", c->port);
        memcpy(text + line, head, length);
        return answer_text(c, text, (size_t)line + length);
    }
    return answer(c, &not_found);
}

/// Uses what it can of the input and returns how much that was. Stops at a response that does not go out at once.
static size_t take_input(struct connection *c, const char *bytes, size_t length) {
    const char *at = bytes, *end = bytes + length;
    while (at < end && c->sending == NULL && !c->close_when_sent) {
        if (c->phase == reading_head) {
            size_t head = head_length(at, (size_t)(end - at));
            if (head == 0) break;
            take_head(c, at, head);
            at += head;
        } else if (c->phase == reading_length) {
            size_t here = (size_t)(end - at);
            size_t piece = here < c->body_left ? here : c->body_left;
            take_body(c, at, piece);
            at += piece;
            c->body_left -= piece;
            if (c->body_left == 0) answer_upload(c);
        } else {
            const char *data;
            size_t data_length;
            switch (chunked_read(&c->chunks, &at, end, &data, &data_length)) {
            case chunked_data: take_body(c, data, data_length); break;
            case chunked_end: answer_upload(c); break;
            case chunked_more: break;
            case chunked_bad: c->close_asked = true; answer(c, &bad_request); break;
            }
        }
    }
    return (size_t)(at - bytes);
}

static void hold(struct connection *c, const char *bytes, size_t length) {
    char *held = length > 0 ? malloc(length) : NULL;
    if (held != NULL) memcpy(held, bytes, length);
    free(c->held);
    c->held = held;
    c->held_length = length;
}

/// Reads and answers until there is nothing to read, or a response must wait for room. False when the connection ended.
static bool advance(struct connection *c, uint32_t events) {
    if (events & (EPOLLERR | EPOLLHUP)) return false;
    c->peer_finished = c->peer_finished || (events & EPOLLRDHUP) != 0;
    if (c->is_shaking) {
        enum tls_step step = tls_shake(c->tls);
        if (step != tls_is_open) return step == tls_waits;
        c->is_shaking = false;
    }
    for (;;) {
        if (c->sending != NULL && !send_on(c)) return errno == EAGAIN;
        if (c->close_when_sent) return false;
        size_t before = c->held_length;
        if (before > sizeof input - largest_read) return false;
        if (before > 0) {
            memcpy(input, c->held, before);
            // Requests that waited behind a response that has gone out now.
            size_t used = take_input(c, input, before);
            if (used > 0) {
                hold(c, input + used, before - used);
                continue;
            }
        }
        ssize_t n = c->tls != NULL ? tls_receive(c->tls, input + before, largest_read)
                                   : recv(c->descriptor, input + before, largest_read, 0);
        if (n <= 0) return n < 0 && errno == EAGAIN;
        size_t all = before + (size_t)n;
        size_t used = take_input(c, input, all);
        if (before > 0 || used < all) hold(c, input + used, all - used);
        // With TLS more may have been received than one record.
        bool drained = n < largest_read && !c->peer_finished && c->tls == NULL;
        if (c->sending == NULL && !c->close_when_sent && drained) return true;
    }
}

static void watch(int descriptor, uint16_t port, bool is_listener) {
    struct connection *c = calloc(1, sizeof *c);
    c->descriptor = descriptor;
    c->port = port;
    c->is_listener = is_listener;
    if (speaks_tls && !is_listener) {
        c->tls = tls_accept(descriptor);
        c->is_shaking = true;
    }
    struct epoll_event event = {.events = is_listener ? EPOLLIN : every_event, .data.ptr = c};
    if (epoll_ctl(poll, EPOLL_CTL_ADD, descriptor, &event) < 0) fail("epoll_ctl");
}

static void accept_all(const struct connection *listener) {
    for (int i = 0; i < 64; i++) {
        int descriptor = accept4(listener->descriptor, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (descriptor < 0) return;
        no_delay(descriptor);
        watch(descriptor, listener->port, false);
    }
}

int main(int count, char **arguments) {
    int first = 1;
    bool everywhere = count > first && strcmp(arguments[first], "--everywhere") == 0;
    if (everywhere) first++;
    speaks_tls = count > first + 2 && strcmp(arguments[first], "--tls") == 0;
    if (speaks_tls) {
        tls_be_server(arguments[first + 1], arguments[first + 2]);
        first += 3;
    }
    if (count <= first) {
        return fprintf(stderr, "usage: origin [--everywhere] [--tls CERTIFICATE KEY] PORT...\n"), 2;
    }
    end_with_parent();
    signal(SIGPIPE, SIG_IGN);
    struct rlimit limit;
    getrlimit(RLIMIT_NOFILE, &limit);
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
    pattern_make();
    make_responses();
    poll = epoll_create1(EPOLL_CLOEXEC);
    for (int i = first; i < count; i++) {
        uint16_t port = (uint16_t)atoi(arguments[i]);
        int listener = listen_on(&port, everywhere);
        watch(listener, port, true);
        printf("%u%c", port, i + 1 < count ? ' ' : '\n');
    }
    fflush(stdout);
    for (;;) {
        struct epoll_event events[256];
        int ready = epoll_wait(poll, events, 256, -1);
        for (int i = 0; i < ready; i++) {
            struct connection *c = events[i].data.ptr;
            if (c->is_listener) accept_all(c);
            else if (!advance(c, events[i].events)) end_connection(c);
        }
    }
}
