// The load generator of every scenario: bounded in connections, requests and time, on 127.0.0.1 only.
//
// It checks every response: status, framing, length and each byte of the body. In a closed loop every connection sends
// its next request when it has the response to its last. With --rate the requests are due at fixed times, whatever the
// proxy does, and latency counts from the time a request was due, so that a proxy that stalls is charged with all who
// had to wait (no coordinated omission).
//
// With --tls it is a client of TLS as well (see tls.h). A handshake that did not lead to what was asked for is a failure,
// and so is one that resumed no session where it should have.
//
// It prints {"event": "start"} when the measured window begins, {"event": "end"} when it is over, and then the result.
// See options.h for what it takes.
#include "histogram.h"
#include "options.h"
#include "response.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

enum { most_seconds = 3600, most_opening = 128, source_addresses = 16, standard_input = UINT32_MAX };

/// One connection after another to the proxy, and the request under way.
struct slot {
    int descriptor;
    uint32_t generation;
    enum { unopened, opening, ready, busy, closing } state;
    /// When the request under way was due (with --rate) or begun.
    uint64_t since;
    size_t sent;
    uint64_t counted;
    uint32_t served;
    struct response_reader reader;
    uint32_t next;
    /// The connection's TLS, once it is connected, and the session that the next one in this slot resumes.
    struct ssl_st *tls;
    struct ssl_session_st *ticket;
    uint32_t handshakes;
};

static const uint64_t second = 1000000000u, cooldown = 100000000u;

static struct options options;
static struct expectation expected;
static char upload_answer[64];
static char *request;
static size_t request_length;
static int poll;
static struct slot *slots;
static uint32_t first_ready, last_ready, opening_now;
static uint64_t begin, window_begin, window_end, stop;
static uint64_t scheduled, busy_now;

static struct histogram latency;
static uint64_t requests, completed, bytes_moved, reconnects, handshakes, resumptions, failures[failure_count];
static struct { uint32_t requests, failures; } timeline[most_seconds];
static char input[largest_read];

static const uint32_t none = UINT32_MAX;

// MARK: what is counted

static bool in_window(uint64_t time) {
    return time >= window_begin && time < window_end;
}

static unsigned second_of(uint64_t now) {
    uint64_t at = (now - begin) / second;
    return at < most_seconds ? (unsigned)at : most_seconds - 1;
}

static void count_failure(enum failure failure) {
    failures[failure]++;
    timeline[second_of(nanoseconds())].failures++;
}

static void count_response(const struct slot *s, uint64_t now) {
    timeline[second_of(now)].requests++;
    completed++;
    if (in_window(now)) requests++;
    if (in_window(options.rate > 0 ? s->since : now)) histogram_add(&latency, now - s->since);
}

/// Bytes that moved in the window, down or up: where a body takes long, whole requests are too coarse a count.
static void count_progress(struct slot *s, uint64_t progress, uint64_t now) {
    if (in_window(now)) bytes_moved += progress - s->counted;
    s->counted = progress;
}

// MARK: ready slots, first come first served

static void put_ready(uint32_t i) {
    slots[i].state = ready;
    slots[i].next = none;
    if (first_ready == none) first_ready = i;
    else slots[last_ready].next = i;
    last_ready = i;
}

static uint32_t take_ready(void) {
    uint32_t i = first_ready;
    if (i != none) first_ready = slots[i].next;
    return i;
}

static void drop_ready(uint32_t i) {
    uint32_t before = none;
    for (uint32_t at = first_ready; at != none; before = at, at = slots[at].next) {
        if (at != i) continue;
        if (before == none) first_ready = slots[i].next;
        else slots[before].next = slots[i].next;
        if (last_ready == i) last_ready = before;
        return;
    }
}

// MARK: one request

static void open_slot(uint32_t i);

static void close_slot(struct slot *s) {
    if (s->state == busy) busy_now--;
    if (s->state == opening) opening_now--;
    if (s->tls != NULL) tls_free(s->tls);
    s->tls = NULL;
    if (s->descriptor >= 0) close(s->descriptor);
    s->descriptor = -1;
    s->generation++;
    s->state = unopened;
    response_forget(&s->reader);
}

/// Closes after a failure and opens anew.
static void break_slot(uint32_t i, enum failure failure) {
    if (failure != no_failure) count_failure(failure);
    close_slot(&slots[i]);
    if (nanoseconds() < stop) open_slot(i);
}

static void send_on(uint32_t i) {
    struct slot *s = &slots[i];
    while (s->sent < request_length) {
        const char *bytes = request + s->sent;
        size_t length = request_length - s->sent;
        ssize_t n = s->tls != NULL ? tls_send(s->tls, bytes, length) : send(s->descriptor, bytes, length, MSG_NOSIGNAL);
        if (n < 0 && errno == EAGAIN) return;
        if (n < 0) return break_slot(i, connection_reset);
        s->sent += (size_t)n;
        if (options.upload > 0) count_progress(s, s->sent, nanoseconds());
    }
}

static void begin_request(uint32_t i, uint64_t since) {
    struct slot *s = &slots[i];
    if (s->state == opening) opening_now--;
    s->state = busy;
    s->since = since;
    s->sent = 0;
    s->counted = 0;
    busy_now++;
    send_on(i);
}

/// The slot has a connection and no request: gives it one, or lets it wait until one is due.
static void use_slot(uint32_t i, uint64_t now) {
    if (slots[i].state == opening) opening_now--;
    if (options.idle ? slots[i].served > 0 : options.rate > 0 || now >= stop) return put_ready(i);
    slots[i].state = ready;
    begin_request(i, options.one_per_connection ? slots[i].since : now);
}

static void complete_request(uint32_t i) {
    struct slot *s = &slots[i];
    uint64_t now = nanoseconds();
    count_response(s, now);
    busy_now--;
    s->served++;
    if (!options.one_per_connection && !s->reader.closes) return use_slot(i, now);
    if (!options.one_per_connection) reconnects++;
    // The proxy was told to close, or has said that it will, and must.
    s->state = closing;
}

static void read_on(uint32_t i, bool finished) {
    struct slot *s = &slots[i];
    uint32_t generation = s->generation;
    for (;;) {
        ssize_t n = s->tls != NULL ? tls_receive(s->tls, input, sizeof input)
                                   : recv(s->descriptor, input, sizeof input, 0);
        if (n < 0 && errno == EAGAIN) return;
        if (n < 0) return break_slot(i, connection_reset);
        if (n == 0) {
            if (s->state == ready) {
                drop_ready(i);
                reconnects++;
            }
            return break_slot(i, s->state == busy ? closed_early : no_failure);
        }
        // Bytes that nobody asked for.
        if (s->state != busy) return break_slot(i, wrong_framing);
        size_t used;
        enum failure failure;
        switch (response_read(&s->reader, &expected, input, (size_t)n, &used, &failure)) {
        case response_failed:
            return break_slot(i, failure);
        case response_more:
            if (options.upload == 0) count_progress(s, s->reader.body, nanoseconds());
            break;
        case response_complete:
            if (used < (size_t)n) return break_slot(i, wrong_framing);
            if (options.upload == 0) count_progress(s, s->reader.body, nanoseconds());
            complete_request(i);
            if (s->generation != generation) return;
        }
        // With TLS more may have been received than one record, and no event would tell of it.
        if (n < (ssize_t)sizeof input && !finished && s->tls == NULL) return;
    }
}

// MARK: connections

static void bind_source(int descriptor, uint32_t i) {
    // Many short connections from one address would run out of ports whose last connection is still in TIME_WAIT.
    int on = 1;
    setsockopt(descriptor, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof on);
    struct sockaddr_in source = {
        .sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK + i % source_addresses)}};
    if (bind(descriptor, (struct sockaddr *)&source, sizeof source) < 0) fail("bind");
}

static void open_slot(uint32_t i) {
    struct slot *s = &slots[i];
    s->descriptor = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (s->descriptor < 0) fail("socket");
    no_delay(s->descriptor);
    if (options.one_per_connection) bind_source(s->descriptor, i);
    s->since = nanoseconds();
    s->served = 0;
    s->state = opening;
    opening_now++;
    struct sockaddr_in proxy = {
        .sin_family = AF_INET, .sin_port = htons(options.port), .sin_addr = {htonl(INADDR_LOOPBACK)}};
    if (connect(s->descriptor, (struct sockaddr *)&proxy, sizeof proxy) < 0 && errno != EINPROGRESS) {
        count_failure(connect_failed);
        return close_slot(s);
    }
    struct epoll_event event = {.events = every_event, .data.u64 = (uint64_t)s->generation << 32 | i};
    if (epoll_ctl(poll, EPOLL_CTL_ADD, s->descriptor, &event) < 0) fail("epoll_ctl");
}

// MARK: handshakes

static enum failure failure_of(enum tls_step step) {
    switch (step) {
    case tls_wrong_version: return wrong_version;
    case tls_wrong_cipher: return wrong_cipher;
    case tls_wrong_group: return wrong_group;
    case tls_wrong_key: return wrong_key;
    default: return handshake_failed;
    }
}

/// What is wrong with a handshake that went as far as `step`, which is not `tls_waits`.
static enum failure judge_handshake(struct slot *s, enum tls_step step, uint64_t now) {
    if (step != tls_is_open) return failure_of(step);
    bool resumed = tls_was_resumed(s->tls), is_first = s->handshakes++ == 0;
    if (in_window(now)) handshakes++, resumptions += resumed;
    return options.tls.resumes && !resumed && !is_first ? not_resumed : no_failure;
}

/// Shakes hands as far as it goes; true when that is done.
static bool shake(struct slot *s) {
    if (s->tls == NULL) s->tls = tls_connect(s->descriptor, &s->ticket);
    enum tls_step step = tls_shake(s->tls);
    if (step == tls_waits) return false;
    enum failure failure = judge_handshake(s, step, nanoseconds());
    if (failure == no_failure) return true;
    count_failure(failure);
    close_slot(s);
    return false;
}

static void take_event(uint32_t i, uint32_t events) {
    struct slot *s = &slots[i];
    uint32_t generation = s->generation;
    if (s->state == opening) {
        if (events & (EPOLLERR | EPOLLHUP)) {
            // Opened again by the next tick, not at once: a proxy that refuses is not to be hammered.
            count_failure(s->tls != NULL ? handshake_failed : connect_failed);
            return close_slot(s);
        }
        if (options.tls.version != tls_off) {
            if (!shake(s)) return;
            // What came with the handshake's end is no event of its own.
            events |= EPOLLIN | EPOLLOUT;
        }
        if (events & EPOLLOUT) use_slot(i, nanoseconds());
    } else if (s->state == busy && (events & EPOLLOUT)) {
        send_on(i);
    }
    if (s->generation != generation || s->state == opening) return;
    if (events & (EPOLLIN | EPOLLRDHUP | EPOLLHUP | EPOLLERR)) {
        read_on(i, (events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0);
    }
}

/// Every tick: opens what is not open (a bounded number at a time) and gives up what takes too long.
static void tick(uint64_t now) {
    for (uint32_t i = 0; i < options.connections; i++) {
        struct slot *s = &slots[i];
        if (s->state == unopened && opening_now < most_opening && now < stop) open_slot(i);
        bool waits = s->state == busy || s->state == opening || s->state == closing;
        if (waits && now > s->since && now - s->since > (uint64_t)(options.timeout * 1e9)) break_slot(i, timed_out);
    }
}

// MARK: the loop

static void wait_and_take(uint64_t until) {
    struct epoll_event events[256];
    uint64_t now = nanoseconds();
    uint64_t left = until > now ? until - now : 0;
    struct timespec timeout = {(time_t)(left / second), (long)(left % second)};
    int ready_count = epoll_pwait2(poll, events, 256, &timeout, NULL);
    for (int k = 0; k < ready_count; k++) {
        uint32_t i = (uint32_t)events[k].data.u64;
        if (i == standard_input) {
            stop = 0;
        } else if (slots[i].generation == (uint32_t)(events[k].data.u64 >> 32)) {
            take_event(i, events[k].events);
        }
    }
}

static void say(const char *event) {
    printf("{\"event\": \"%s\"}\n", event);
    fflush(stdout);
}

/// Sends the requests that are due by now. Returns when the next one is due.
static uint64_t send_due(uint64_t now) {
    for (;;) {
        uint64_t due = begin + (uint64_t)((double)scheduled / options.rate * 1e9);
        if (due > now || due >= stop) return due >= stop ? stop : due;
        uint32_t i = take_ready();
        if (i == none) return stop;
        scheduled++;
        begin_request(i, due);
    }
}

static uint64_t earlier(uint64_t a, uint64_t b) {
    return a < b ? a : b;
}

static void generate(void) {
    bool started = false, over = false;
    uint64_t next_tick = begin;
    uint64_t latest = stop + (uint64_t)(options.timeout * 1e9);
    for (uint64_t now = begin; now < stop || (busy_now > 0 && now < latest); now = nanoseconds()) {
        if (!started && now >= window_begin) started = true, say("start");
        if (!over && now >= window_end) over = true, say("end");
        if (now >= next_tick) tick(now), next_tick = now + second / 100;
        uint64_t next = next_tick;
        if (!started) next = earlier(next, window_begin);
        else if (!over) next = earlier(next, window_end);
        if (options.rate > 0 && now < stop) next = earlier(next, send_due(now));
        wait_and_take(next);
    }
}

/// Has every slot shake hands twice, so that all of them resume sessions when the clock starts; no longer than a failure.
static void prime(void) {
    bool failed = false, all = false;
    uint64_t latest = begin + (uint64_t)(options.timeout * 1e9);
    window_begin = window_end = stop = UINT64_MAX;
    for (uint64_t now = begin; !all && !failed && now < latest; now = nanoseconds()) {
        tick(now);
        wait_and_take(now + second / 100);
        all = true;
        for (uint32_t i = 0; i < options.connections; i++) all = all && slots[i].handshakes >= 2;
        for (int i = 1; i < failure_count; i++) failed = failed || failures[i] > 0;
    }
}

static void start_clock(void) {
    begin = nanoseconds();
    window_begin = begin + (uint64_t)(options.warmup * 1e9);
    window_end = window_begin + (uint64_t)(options.seconds * 1e9);
    stop = window_end + cooldown;
}

/// Opens every connection, has each do one request, and holds them until standard input ends.
static void hold_idle(void) {
    uint64_t ready_count = 0;
    stop = UINT64_MAX;
    for (uint64_t now = begin; ready_count < options.connections; now = nanoseconds()) {
        if (now > begin + 60 * second) fail("not all connections could be served within a minute");
        tick(now);
        wait_and_take(now + second / 100);
        ready_count = 0;
        for (uint32_t i = 0; i < options.connections; i++) ready_count += slots[i].state == ready;
    }
    struct epoll_event event = {.events = EPOLLIN, .data.u64 = standard_input};
    if (epoll_ctl(poll, EPOLL_CTL_ADD, STDIN_FILENO, &event) < 0) fail("epoll_ctl");
    say("idle");
    while (stop != 0) wait_and_take(nanoseconds() + second);
}

// MARK: before and behind

/// Puts the pattern's first bytes, `options.upload` of them, at `at`: in chunks of 16 KiB, or as they are.
static size_t put_upload(char *at) {
    char *start = at;
    for (uint64_t offset = 0; offset < options.upload;) {
        uint64_t left = options.upload - offset, part = left < 16384 ? left : 16384;
        if (options.chunked_upload) at += sprintf(at, "%llx\r\n", (unsigned long long)part);
        memcpy(at, pattern + offset % pattern_period, part);
        at += part;
        offset += part;
        if (options.chunked_upload) at += sprintf(at, "\r\n");
    }
    if (options.chunked_upload) at += sprintf(at, "0\r\n\r\n");
    return (size_t)(at - start);
}

/// The request, which is the same every time, and what the response to it must be.
static void make_request(void) {
    const char *close_field = options.one_per_connection && !options.silent_close ? "Connection: close\r\n" : "";
    char framing[64] = "";
    if (options.chunked_upload) sprintf(framing, "Transfer-Encoding: chunked\r\n");
    else if (options.upload > 0) sprintf(framing, "Content-Length: %llu\r\n", (unsigned long long)options.upload);
    request = malloc(4096 + 2 * options.upload);
    request_length = (size_t)snprintf(
        request, 2048, "%s %s HTTP/1.1\r\nHost: bench.example:8080\r\nUser-Agent: load/1\r\nAccept: */*\r\n%s%s\r\n",
        options.upload > 0 ? "POST" : "GET", options.path, close_field, framing);
    expected = (struct expectation){.length = options.length, .chunked = options.expect_chunked};
    if (options.upload == 0) return;
    request_length += put_upload(request + request_length);
    expected.length = (uint64_t)sprintf(upload_answer, "%llu ok\n", (unsigned long long)options.upload);
    expected.text = upload_answer;
}

static void print_result(void) {
    double seconds = (double)(window_end - window_begin) / 1e9;
    uint64_t failed = 0;
    for (int i = 1; i < failure_count; i++) failed += failures[i];
    double whole = options.upload > 0 ? (double)request_length : (double)expected.length;
    printf(
        "{\"event\": \"result\", \"requests\": %llu, \"completed\": %llu, \"transfers\": %.3f, \"seconds\": %.3f, "
        "\"reconnects\": %llu, \"handshakes\": %llu, \"resumptions\": %llu, \"errors\": %llu, \"p50_us\": %.1f, "
        "\"p99_us\": %.1f, \"p999_us\": %.1f, \"max_us\": %.1f, \"failures\": {",
        (unsigned long long)requests, (unsigned long long)completed, (double)bytes_moved / whole, seconds,
        (unsigned long long)reconnects, (unsigned long long)handshakes, (unsigned long long)resumptions,
        (unsigned long long)failed, (double)histogram_quantile(&latency, 0.5) / 1e3,
        (double)histogram_quantile(&latency, 0.99) / 1e3, (double)histogram_quantile(&latency, 0.999) / 1e3,
        (double)latency.maximum / 1e3);
    const char *separator = "";
    for (int i = 1; i < failure_count; i++) {
        if (failures[i] == 0) continue;
        printf("%s\"%s\": %llu", separator, failure_names[i], (unsigned long long)failures[i]);
        separator = ", ";
    }
    printf("}, \"timeline\": [");
    unsigned last = options.timeline ? second_of(stop) : 0;
    for (unsigned i = 0; i < last; i++) {
        printf("%s[%u, %u]", i > 0 ? ", " : "", timeline[i].requests, timeline[i].failures);
    }
    printf("]}\n");
}

int main(int count, char **arguments) {
    options = options_read(count, arguments);
    end_with_parent();
    signal(SIGPIPE, SIG_IGN);
    // Timers that are late by the usual 50 microseconds would show as latency.
    prctl(PR_SET_TIMERSLACK, 1);
    struct rlimit limit;
    getrlimit(RLIMIT_NOFILE, &limit);
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
    if (options.tls.version != tls_off) tls_be_client(&options.tls);
    pattern_make();
    make_request();
    poll = epoll_create1(EPOLL_CLOEXEC);
    slots = calloc(options.connections, sizeof *slots);
    for (uint32_t i = 0; i < options.connections; i++) slots[i].descriptor = -1;
    first_ready = last_ready = none;
    begin = nanoseconds();
    if (options.tls.resumes) prime();
    start_clock();
    if (options.idle) hold_idle();
    else generate();
    print_result();
}
