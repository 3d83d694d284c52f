// The system calls that Swift's Glibc overlay does not show, or shows awkwardly, as inline functions. No logic here
// beyond translating addresses: a call that fails returns minus its errno.
#pragma once

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <stdint.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#include "apus_address.h"
#include "apus_process.h"

static inline int apus_is_ipv4(struct apus_address address) {
    return address.high == 0 && address.low >> 32 == 0xffff;
}

static inline socklen_t apus_to_sockaddr(struct apus_address address, struct sockaddr_storage *out) {
    memset(out, 0, sizeof *out);
    if (apus_is_ipv4(address)) {
        struct sockaddr_in *in = (struct sockaddr_in *)out;
        in->sin_family = AF_INET;
        in->sin_port = htons(address.port);
        in->sin_addr.s_addr = htonl((uint32_t)address.low);
        return sizeof *in;
    }
    struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)out;
    in6->sin6_family = AF_INET6;
    in6->sin6_port = htons(address.port);
    uint64_t words[2] = {__builtin_bswap64(address.high), __builtin_bswap64(address.low)};
    memcpy(&in6->sin6_addr, words, 16);
    return sizeof *in6;
}

static inline struct apus_address apus_from_sockaddr(const struct sockaddr_storage *from) {
    struct apus_address address = {0, 0, 0};
    if (from->ss_family == AF_INET) {
        const struct sockaddr_in *in = (const struct sockaddr_in *)from;
        address.low = 0xffff00000000ull | ntohl(in->sin_addr.s_addr);
        address.port = ntohs(in->sin_port);
    } else if (from->ss_family == AF_INET6) {
        const struct sockaddr_in6 *in6 = (const struct sockaddr_in6 *)from;
        uint64_t words[2];
        memcpy(words, &in6->sin6_addr, 16);
        address.high = __builtin_bswap64(words[0]);
        address.low = __builtin_bswap64(words[1]);
        address.port = ntohs(in6->sin6_port);
    }
    return address;
}

// MARK: epoll

static inline int apus_epoll_create(void) {
    int result = epoll_create1(EPOLL_CLOEXEC);
    return result < 0 ? -errno : result;
}

// Registers a descriptor once and for all: both directions and the peer's hang-up, edge-triggered.
static inline int apus_epoll_add(int poller, int descriptor, uint64_t token) {
    struct epoll_event event = {.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET, .data.u64 = token};
    return epoll_ctl(poller, EPOLL_CTL_ADD, descriptor, &event) < 0 ? -errno : 0;
}

// Registers a listening socket or an eventfd: level-triggered, readable only.
static inline int apus_epoll_add_level(int poller, int descriptor, uint64_t token) {
    struct epoll_event event = {.events = EPOLLIN, .data.u64 = token};
    return epoll_ctl(poller, EPOLL_CTL_ADD, descriptor, &event) < 0 ? -errno : 0;
}

static inline int apus_epoll_remove(int poller, int descriptor) {
    struct epoll_event event = {0};
    return epoll_ctl(poller, EPOLL_CTL_DEL, descriptor, &event) < 0 ? -errno : 0;
}

static inline int apus_epoll_wait(int poller, struct epoll_event *events, int capacity, int milliseconds) {
    int result = epoll_wait(poller, events, capacity, milliseconds);
    return result < 0 ? -errno : result;
}

static inline uint32_t apus_event_flags(const struct epoll_event *event) { return event->events; }
static inline uint64_t apus_event_token(const struct epoll_event *event) { return event->data.u64; }

static inline void apus_set_event(struct epoll_event *event, uint64_t token, uint32_t flags) {
    event->events = flags;
    event->data.u64 = token;
}

enum {
    APUS_READABLE = EPOLLIN,
    APUS_WRITABLE = EPOLLOUT,
    APUS_PEER_CLOSED = EPOLLRDHUP,
    APUS_BROKEN = EPOLLERR | EPOLLHUP,
};

// MARK: sockets

// A listening socket that shares its port with the other workers' (SO_REUSEPORT). TCP_NODELAY is inherited by what it
// accepts, which saves a call per connection.
static inline int apus_listen(struct apus_address address, int backlog) {
    struct sockaddr_storage storage;
    socklen_t length = apus_to_sockaddr(address, &storage);
    int on = 1, off = 0;
    int descriptor = socket(storage.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (descriptor < 0) return -errno;
    if (setsockopt(descriptor, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) < 0
        || setsockopt(descriptor, SOL_SOCKET, SO_REUSEPORT, &on, sizeof on) < 0
        || setsockopt(descriptor, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on) < 0
        || (storage.ss_family == AF_INET6
            && setsockopt(descriptor, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof off) < 0)
        || bind(descriptor, (struct sockaddr *)&storage, length) < 0 || listen(descriptor, backlog) < 0) {
        int error = errno;
        close(descriptor);
        return -error;
    }
    return descriptor;
}

// Whether nobody listens at the address. Without SO_REUSEPORT a bind fails where another process, even one that shares
// its port, is; that is the only way to notice a second Apus on the same address.
static inline int apus_is_free(struct apus_address address) {
    struct sockaddr_storage storage;
    socklen_t length = apus_to_sockaddr(address, &storage);
    int on = 1, off = 0;
    int descriptor = socket(storage.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (descriptor < 0) return -errno;
    setsockopt(descriptor, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (storage.ss_family == AF_INET6) setsockopt(descriptor, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof off);
    int result = bind(descriptor, (struct sockaddr *)&storage, length) < 0 ? -errno : 0;
    close(descriptor);
    return result;
}

int apus_accept(int listener, struct apus_address *peer);

// A socket that is connecting or connected; `-EINPROGRESS` never shows, the event tells. `-EMFILE` as well where its
// descriptor would not lie below `bound`; nothing is sent then.
static inline int apus_connect(struct apus_address address, int bound) {
    struct sockaddr_storage storage;
    socklen_t length = apus_to_sockaddr(address, &storage);
    int on = 1;
    int descriptor = socket(storage.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (descriptor < 0) return -errno;
    if (descriptor >= bound) {
        close(descriptor);
        return -EMFILE;
    }
    setsockopt(descriptor, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    if (connect(descriptor, (struct sockaddr *)&storage, length) < 0 && errno != EINPROGRESS) {
        int error = errno;
        close(descriptor);
        return -error;
    }
    return descriptor;
}

// Whether this machine has an address and a way to reach that one: 0, or minus the errno. Nothing is sent.
static inline int apus_reaches(struct apus_address address) {
    struct sockaddr_storage storage;
    socklen_t length = apus_to_sockaddr(address, &storage);
    int descriptor = socket(storage.ss_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (descriptor < 0) return 0;
    int result = connect(descriptor, (struct sockaddr *)&storage, length) < 0 ? -errno : 0;
    close(descriptor);
    return result;
}

static inline int apus_local_address(int descriptor, struct apus_address *address) {
    struct sockaddr_storage storage;
    socklen_t length = sizeof storage;
    if (getsockname(descriptor, (struct sockaddr *)&storage, &length) < 0) return -errno;
    *address = apus_from_sockaddr(&storage);
    return 0;
}

static inline int apus_socket_error(int descriptor) {
    int error = 0;
    socklen_t length = sizeof error;
    return getsockopt(descriptor, SOL_SOCKET, SO_ERROR, &error, &length) < 0 ? errno : error;
}

static inline intptr_t apus_receive(int descriptor, void *bytes, size_t count) {
    ssize_t result = recv(descriptor, bytes, count, 0);
    return result < 0 ? -errno : result;
}

static inline intptr_t apus_send(int descriptor, const void *bytes, size_t count) {
    ssize_t result = send(descriptor, bytes, count, MSG_NOSIGNAL);
    return result < 0 ? -errno : result;
}

static inline intptr_t apus_send_pieces(int descriptor, struct iovec *pieces, size_t count) {
    struct msghdr message = {.msg_iov = pieces, .msg_iovlen = count};
    ssize_t result = sendmsg(descriptor, &message, MSG_NOSIGNAL);
    return result < 0 ? -errno : result;
}

static inline int apus_shutdown_writing(int descriptor) {
    return shutdown(descriptor, SHUT_WR) < 0 ? -errno : 0;
}

// Makes the close that follows send RST instead of FIN: the peer sees a broken connection, not an end.
static inline void apus_reset_on_close(int descriptor) {
    struct linger linger = {.l_onoff = 1, .l_linger = 0};
    setsockopt(descriptor, SOL_SOCKET, SO_LINGER, &linger, sizeof linger);
}

// How many connections wait to be accepted.
static inline int apus_accept_queue(int listener) {
    struct tcp_info info;
    socklen_t length = sizeof info;
    if (getsockopt(listener, IPPROTO_TCP, TCP_INFO, &info, &length) < 0) return 0;
    return (int)info.tcpi_unacked;
}

// For how many milliseconds the peer has acknowledged nothing, although something was sent more than once; -1 when all is
// acknowledged, or may yet be.
static inline int apus_silence(int descriptor) {
    struct tcp_info info;
    socklen_t length = sizeof info;
    if (getsockopt(descriptor, IPPROTO_TCP, TCP_INFO, &info, &length) < 0) return -1;
    if (info.tcpi_unacked == 0 || info.tcpi_retransmits < 2) return -1;
    return info.tcpi_last_ack_recv > INT_MAX ? INT_MAX : (int)info.tcpi_last_ack_recv;
}

// Bytes that the peer has not acknowledged yet, those among them that were not sent yet; -1 where that is not known.
static inline int apus_unacknowledged(int descriptor) {
    int count;
    return ioctl(descriptor, TIOCOUTQ, &count) < 0 ? -1 : count;
}

// Another descriptor of what `descriptor` stands for, closed by exec.
static inline int apus_duplicate(int descriptor) {
    int copy = fcntl(descriptor, F_DUPFD_CLOEXEC, 0);
    return copy < 0 ? -errno : copy;
}

// A pipe that never blocks, with room for at least `capacity` bytes if the system allows that much.
int apus_pipe(int ends[2], int capacity);

// Moves bytes between a socket and a pipe without copying them through user space.
intptr_t apus_splice(int from, int to, size_t count);

// MARK: the rest

static inline int apus_eventfd(void) {
    int result = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    return result < 0 ? -errno : result;
}

static inline int apus_spare_descriptor(void) {
    int result = open("/dev/null", O_RDONLY | O_CLOEXEC);
    return result < 0 ? -errno : result;
}

// Never waits: a pipe without a reader is opened for both, so that it keeps what is written until one comes, or it is full.
// Where links are not followed (the last part of the path must be none), only a plain file is opened.
static inline int apus_open_log(const char *path, int follows_links) {
    int common = O_APPEND | O_CLOEXEC | O_NONBLOCK | O_NOCTTY | (follows_links ? 0 : O_NOFOLLOW);
    int result = open(path, O_WRONLY | O_CREAT | common, 0644);
    struct stat status;
    if (result < 0 && errno == ENXIO && follows_links && stat(path, &status) == 0) {
        if (S_ISFIFO(status.st_mode)) result = open(path, O_RDWR | common);
        else errno = S_ISSOCK(status.st_mode) ? ENOTSOCK : ENXIO;
    }
    if (result < 0) return -errno;
    int error = fstat(result, &status) == 0 ? 0 : errno;
    if (error == 0 && S_ISBLK(status.st_mode)) error = ENOTBLK;
    else if (error == 0 && !follows_links && !S_ISREG(status.st_mode)) error = ENODEV;
    if (error == 0) return result;
    close(result);
    return -error;
}

static inline intptr_t apus_write(int descriptor, const void *bytes, size_t count) {
    ssize_t result = write(descriptor, bytes, count);
    return result < 0 ? -errno : result;
}

// Writes two stretches of bytes, one behind the other; the second may be empty.
static inline intptr_t apus_write_both(int descriptor, const void *first, size_t first_count, const void *second,
                                       size_t second_count) {
    struct iovec parts[2] = {{(void *)first, first_count}, {(void *)second, second_count}};
    ssize_t result = writev(descriptor, parts, second_count > 0 ? 2 : 1);
    return result < 0 ? -errno : result;
}

// Waits until the descriptor is readable (or writable).
static inline int apus_wait(int descriptor, int for_writing, int milliseconds) {
    struct pollfd waiting = {.fd = descriptor, .events = for_writing ? POLLOUT : POLLIN};
    return poll(&waiting, 1, milliseconds);
}

static inline int apus_is_file(int descriptor) {
    struct stat status;
    return fstat(descriptor, &status) == 0 && S_ISREG(status.st_mode);
}

static inline int64_t apus_clock_microseconds(int clock) {
    struct timespec time;
    clock_gettime(clock, &time);
    return (int64_t)time.tv_sec * 1000000 + time.tv_nsec / 1000;
}

// Address space without memory behind it until it is touched; zeros when it is.
static inline void *apus_reserve(size_t bytes) {
    void *base = mmap(0, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    return base == MAP_FAILED ? 0 : base;
}

static inline void apus_unreserve(void *base, size_t bytes) { munmap(base, bytes); }

// Names the calling thread and has broken pipes and files that are too large reach it as errors, never as signals.
void apus_begin_thread(const char *name);

// Puts another open file behind a descriptor, at once: who writes to it writes to the one or the other.
int apus_replace(int descriptor, int with);

// Whether the last byte of a file that is appended to is no line feed; 0 where nobody knows.
int apus_ends_inside_line(int descriptor);

// MARK: datagrams

// A socket for datagrams that is connected to a path or an address; sending on it never waits.
int apus_datagrams_to_path(const char *path);

static inline int apus_datagrams_to(struct apus_address address) {
    struct sockaddr_storage storage;
    socklen_t length = apus_to_sockaddr(address, &storage);
    int descriptor = socket(storage.ss_family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (descriptor < 0) return -errno;
    if (connect(descriptor, (struct sockaddr *)&storage, length) < 0) {
        int error = errno;
        close(descriptor);
        return -error;
    }
    return descriptor;
}

// The system's name for the calling thread, as /proc/self/task lists it.
int apus_thread_number(void);

// The machine's name, as text that ends with a zero.
static inline int apus_host_name(void *text, size_t capacity) {
    return gethostname(text, capacity) < 0 ? -errno : 0;
}
