// The floor under every proxy: the same sockets and the same system calls, and no HTTP.
//
//   floor [--close] [--raw | --splice] [--workers N] PORT ORIGIN-PORT...
//
// One thread per worker; every descriptor registered with epoll once, edge-triggered except the listener; accept4, recv,
// send. A request is one recv in which the head's end is looked for, sent on over an upstream connection from a stack of
// idle ones, one origin after the other; the response likewise. What this costs, no proxy can go below with the same
// calls.
//
// --raw     Without HTTP nobody knows where a body ends. Here a client connection keeps its upstream connection for
//           life and bytes are moved both ways, whatever they are, with back-pressure.
// --splice  As --raw, but the bytes stay in the kernel: splice(2) through a pipe for each direction.
// --close   Closes the client connection behind the response, as a proxy does that was sent `Connection: close`.
#include "wire.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

enum { most_origins = 16, read_size = 128 * 1024, pipe_size = 1024 * 1024 };

struct connection {
    int descriptor;
    enum { listener, client, upstream } role;
    unsigned origin;
    /// The other side while a request is under way; in raw mode for life.
    struct connection *peer;
    /// Raw mode: what this side could not take yet, and whether the other side has more to read.
    char *pending;
    size_t pending_from, pending_length;
    bool peer_waits;
    /// What this side sent and the other has not taken yet, when it is spliced.
    int pipe[2];
    size_t in_pipe;
    bool ended;
    /// The next idle upstream connection, or the next ended connection.
    struct connection *next;
};

static bool raw, spliced, close_behind_response;
static struct sockaddr_in origins[most_origins];
static unsigned origin_count, next_origin;
static struct connection *idle[most_origins];
static struct connection *ended;
static int poll;
static char scratch[read_size];

static struct connection *watch(int descriptor, int role) {
    struct connection *c = calloc(1, sizeof *c);
    c->descriptor = descriptor;
    c->role = role;
    if (spliced && role != listener) {
        if (pipe2(c->pipe, O_NONBLOCK | O_CLOEXEC) < 0) fail("pipe2");
        fcntl(c->pipe[0], F_SETPIPE_SZ, pipe_size);
    }
    struct epoll_event event = {.events = role == listener ? EPOLLIN : every_event, .data.ptr = c};
    if (epoll_ctl(poll, EPOLL_CTL_ADD, descriptor, &event) < 0) fail("epoll_ctl");
    return c;
}

/// Closes at once; frees behind the loop's turn, whose later events may still name the connection.
static void end(struct connection *c) {
    if (c->ended) return;
    c->ended = true;
    close(c->descriptor);
    if (spliced) close(c->pipe[0]), close(c->pipe[1]);
    free(c->pending);
    c->pending = NULL;
    if (c->peer != NULL) {
        struct connection *peer = c->peer;
        peer->peer = NULL;
        c->peer = NULL;
        end(peer);
    }
    c->next = ended;
    ended = c;
}

static void free_ended(void) {
    while (ended != NULL) {
        struct connection *c = ended;
        ended = c->next;
        free(c);
    }
}

/// An idle connection to the origin whose turn it is, or a new one. Connecting over loopback does not wait.
static struct connection *take_upstream(void) {
    unsigned origin = next_origin;
    next_origin = (next_origin + 1) % origin_count;
    struct connection *c = idle[origin];
    if (c != NULL) {
        idle[origin] = c->next;
        return c;
    }
    int descriptor = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (descriptor < 0) return NULL;
    if (connect(descriptor, (struct sockaddr *)&origins[origin], sizeof origins[origin]) < 0) {
        close(descriptor);
        return NULL;
    }
    fcntl(descriptor, F_SETFL, O_NONBLOCK);
    no_delay(descriptor);
    c = watch(descriptor, upstream);
    c->origin = origin;
    return c;
}

static void put_upstream(struct connection *c) {
    c->next = idle[c->origin];
    idle[c->origin] = c;
}

static void remove_idle(struct connection *c) {
    for (struct connection **at = &idle[c->origin]; *at != NULL; at = &(*at)->next) {
        if (*at != c) continue;
        *at = c->next;
        return;
    }
}

// MARK: one request, one response

static void forward_request(struct connection *c) {
    ssize_t n = recv(c->descriptor, scratch, read_size, MSG_DONTWAIT);
    if (n < 0 && errno == EAGAIN) return;
    if (n <= 0 || head_length(scratch, (size_t)n) == 0) return end(c);
    if (c->peer == NULL) c->peer = take_upstream();
    if (c->peer == NULL) return end(c);
    c->peer->peer = c;
    if (send(c->peer->descriptor, scratch, (size_t)n, MSG_NOSIGNAL | MSG_DONTWAIT) != n) end(c);
}

static void forward_response(struct connection *c) {
    ssize_t n = recv(c->descriptor, scratch, read_size, MSG_DONTWAIT);
    if (n < 0 && errno == EAGAIN) return;
    if (n > 0 && c->peer != NULL && head_length(scratch, (size_t)n) > 0) {
        struct connection *to = c->peer;
        c->peer = to->peer = NULL;
        put_upstream(c);
        ssize_t sent = send(to->descriptor, scratch, (size_t)n, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (sent != n || close_behind_response) end(to);
        return;
    }
    if (c->peer == NULL) remove_idle(c);
    end(c);
}

// MARK: bytes, both ways

static void pump(struct connection *from) {
    for (;;) {
        struct connection *to = from->peer;
        if (to == NULL) return;
        if (to->pending != NULL) {
            to->peer_waits = true;
            return;
        }
        ssize_t n = recv(from->descriptor, scratch, read_size, MSG_DONTWAIT);
        if (n < 0 && errno == EAGAIN) return;
        if (n <= 0) return end(from);
        ssize_t sent = send(to->descriptor, scratch, (size_t)n, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (sent < 0 && errno != EAGAIN) return end(from);
        if (sent < 0) sent = 0;
        if (sent < n) {
            to->pending_from = 0;
            to->pending_length = (size_t)(n - sent);
            to->pending = malloc(to->pending_length);
            memcpy(to->pending, scratch + sent, to->pending_length);
        } else if (n < read_size) {
            return;
        }
    }
}

static void splice_on(struct connection *from) {
    for (struct connection *to; (to = from->peer) != NULL;) {
        if (from->in_pipe > 0) {
            ssize_t n = splice(from->pipe[0], NULL, to->descriptor, NULL, from->in_pipe, SPLICE_F_NONBLOCK);
            to->peer_waits = n < 0 && errno == EAGAIN;
            if (to->peer_waits) return;
            if (n <= 0) return end(from);
            from->in_pipe -= (size_t)n;
        } else {
            ssize_t n = splice(from->descriptor, NULL, from->pipe[1], NULL, pipe_size, SPLICE_F_NONBLOCK);
            if (n < 0 && errno == EAGAIN) return;
            if (n <= 0) return end(from);
            from->in_pipe = (size_t)n;
        }
    }
}

static void send_pending(struct connection *c) {
    if (c->pending == NULL) return;
    ssize_t sent = send(
        c->descriptor, c->pending + c->pending_from, c->pending_length, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (sent < 0) return errno == EAGAIN ? (void)0 : end(c);
    c->pending_from += (size_t)sent;
    c->pending_length -= (size_t)sent;
    if (c->pending_length > 0) return;
    free(c->pending);
    c->pending = NULL;
    if (!c->peer_waits) return;
    c->peer_waits = false;
    if (c->peer != NULL) pump(c->peer);
}

// MARK: the loop

// One per event: an accept that finds nobody is dear, because the kernel makes a socket before it looks. The listener is
// the one descriptor that is level-triggered, and says in the next turn if there are more.
static void accept_client(const struct connection *listening) {
    int descriptor = accept4(listening->descriptor, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (descriptor < 0) return;
    no_delay(descriptor);
    struct connection *c = watch(descriptor, client);
    if (!raw && !spliced) return;
    c->peer = take_upstream();
    if (c->peer == NULL) end(c);
    else c->peer->peer = c;
}

static void take_event(struct connection *c, uint32_t events) {
    if (c->ended) return;
    if (c->role == listener) return accept_client(c);
    if (events & (EPOLLERR | EPOLLHUP)) {
        if (c->role == upstream && c->peer == NULL) remove_idle(c);
        return end(c);
    }
    if (raw && (events & EPOLLOUT)) send_pending(c);
    if (spliced && (events & EPOLLOUT) && c->peer_waits) splice_on(c->peer);
    if (c->ended || !(events & (EPOLLIN | EPOLLRDHUP))) return;
    if (raw) pump(c);
    else if (spliced) splice_on(c);
    else if (c->role == client) forward_request(c);
    else forward_response(c);
}

static _Noreturn void work(uint16_t port) {
    poll = epoll_create1(EPOLL_CLOEXEC);
    watch(listen_on(&port, false), listener);
    for (;;) {
        struct epoll_event events[256];
        int ready = epoll_wait(poll, events, 256, -1);
        for (int i = 0; i < ready; i++) take_event(events[i].data.ptr, events[i].events);
        free_ended();
    }
}

int main(int count, char **arguments) {
    int workers = 1, at = 1;
    for (; at < count && arguments[at][0] == '-'; at++) {
        if (strcmp(arguments[at], "--raw") == 0) raw = true;
        else if (strcmp(arguments[at], "--splice") == 0) spliced = true;
        else if (strcmp(arguments[at], "--close") == 0) close_behind_response = true;
        else if (strcmp(arguments[at], "--workers") == 0 && at + 1 < count) workers = atoi(arguments[++at]);
        else return fprintf(stderr, "floor: unknown option %s\n", arguments[at]), 2;
    }
    if (count - at < 2 || count - at - 1 > most_origins) {
        return fprintf(stderr, "usage: floor [--close] [--raw | --splice] [--workers N] PORT ORIGIN-PORT...\n"), 2;
    }
    uint16_t port = (uint16_t)atoi(arguments[at++]);
    for (; at < count; at++) {
        uint16_t origin_port = (uint16_t)atoi(arguments[at]);
        origins[origin_count++] = (struct sockaddr_in){
            .sin_family = AF_INET, .sin_port = htons(origin_port), .sin_addr = {htonl(INADDR_LOOPBACK)}};
    }
    end_with_parent();
    signal(SIGPIPE, SIG_IGN);
    struct rlimit limit;
    getrlimit(RLIMIT_NOFILE, &limit);
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
    for (int i = 1; i < workers; i++) {
        if (fork() == 0) {
            end_with_parent();
            work(port);
        }
    }
    work(port);
}
