#include "wire.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <time.h>

unsigned char pattern[pattern_period + largest_read];

void pattern_make(void) {
    uint32_t state = 2463534242u;
    for (size_t i = 0; i < pattern_period; i++) {
        state ^= state << 13;
        state ^= state >> 17;
        state ^= state << 5;
        // Printable, so that a body shown by a debugger or a log can be read.
        pattern[i] = (unsigned char)('!' + state % 94);
    }
    for (size_t i = pattern_period; i < sizeof pattern; i++) pattern[i] = pattern[i - pattern_period];
}

bool pattern_matches(const char *bytes, size_t length, uint64_t offset) {
    return memcmp(bytes, pattern + offset % pattern_period, length) == 0;
}

static int hex_digit(char c) {
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    if (c >= 'A' && c <= 'F') return c - 'A' + 10;
    return -1;
}

enum chunked_step chunked_read(
    struct chunked *body, const char **bytes, const char *end, const char **data, size_t *length
) {
    while (*bytes < end) {
        if (body->at == chunk_data) {
            size_t here = (size_t)(end - *bytes);
            *data = *bytes;
            *length = here < body->remaining ? here : body->remaining;
            *bytes += *length;
            body->remaining -= *length;
            if (body->remaining == 0) body->at = chunk_data_end;
            return chunked_data;
        }
        char c = *(*bytes)++;
        switch (body->at) {
        case chunk_size: {
            int digit = hex_digit(c);
            if (digit >= 0 && ++body->digits <= 15) {
                body->remaining = body->remaining * 16 + (unsigned)digit;
                break;
            }
            if (digit >= 0 || body->digits == 0 || (c != ';' && c != '\r')) return chunked_bad;
            body->at = chunk_extension;
            break;
        }
        case chunk_extension:
            if (c == '\n') body->at = body->remaining > 0 ? chunk_data : chunk_trailer;
            break;
        case chunk_data_end:
            if (c != '\r' && c != '\n') return chunked_bad;
            if (c == '\n') *body = (struct chunked){0};
            break;
        case chunk_trailer:
            if (c == '\n') return *body = (struct chunked){0}, chunked_end;
            if (c != '\r') body->at = chunk_trailer_line;
            break;
        case chunk_trailer_line:
            if (c == '\n') body->at = chunk_trailer;
            break;
        case chunk_data:
            break;
        }
    }
    return chunked_more;
}

const char *field_value(const char *head, size_t length, const char *name) {
    const char *end = head + length;
    size_t name_length = strlen(name);
    for (const char *line = memchr(head, '\n', length); line != NULL; line = memchr(line, '\n', (size_t)(end - line))) {
        line++;
        if ((size_t)(end - line) < name_length) return NULL;
        if (strncasecmp(line, name, name_length) == 0) {
            line += name_length;
            while (*line == ' ') line++;
            return line;
        }
    }
    return NULL;
}

size_t head_length(const char *bytes, size_t length) {
    const char *end = memmem(bytes, length, "\r\n\r\n", 4);
    return end == NULL ? 0 : (size_t)(end - bytes) + 4;
}

uint64_t nanoseconds(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

int listen_on(uint16_t *port, bool everywhere) {
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (listener < 0) fail("socket");
    int on = 1;
    setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    setsockopt(listener, SOL_SOCKET, SO_REUSEPORT, &on, sizeof on);
    struct sockaddr_in address = {
        .sin_family = AF_INET,
        .sin_port = htons(*port),
        .sin_addr = {htonl(everywhere ? INADDR_ANY : INADDR_LOOPBACK)}};
    if (bind(listener, (struct sockaddr *)&address, sizeof address) < 0) fail("bind");
    if (listen(listener, 4096) < 0) fail("listen");
    socklen_t length = sizeof address;
    getsockname(listener, (struct sockaddr *)&address, &length);
    *port = ntohs(address.sin_port);
    return listener;
}

void no_delay(int descriptor) {
    int on = 1;
    setsockopt(descriptor, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
}

void end_with_parent(void) {
    prctl(PR_SET_PDEATHSIG, SIGTERM);
}

void fail(const char *what) {
    fprintf(stderr, "%s: %s\n", what, strerror(errno));
    exit(1);
}
