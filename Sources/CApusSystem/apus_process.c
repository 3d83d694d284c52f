// GNU extensions, which Swift's view of the C library is made without.
#define _GNU_SOURCE
#include "CApusSystem.h"

#include <dirent.h>
#include <grp.h>
#include <linux/capability.h>
#include <poll.h>
#include <pthread.h>
#include <pwd.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <termios.h>

#if defined(__has_feature)
#if __has_feature(thread_sanitizer)
// ThreadSanitizer takes clone(2) for a fork, and then forgets the threads of this process, whose memory the child shares
// until it executes something. This is the same call under the name that it does not watch.
int __clone(int (*begin)(void *), void *stack, int flags, void *argument, ...);
#define clone __clone
#endif
#endif

// MARK: the service manager

int apus_send_datagram(const char *path, const void *bytes, size_t count) {
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    size_t length = strlen(path);
    if (length == 0 || length >= sizeof address.sun_path) return -EINVAL;
    memcpy(address.sun_path, path, length);
    if (path[0] == '@') address.sun_path[0] = 0;
    int descriptor = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (descriptor < 0) return -errno;
    // An abstract name is as long as it says, not up to a 0.
    socklen_t size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + length);
    ssize_t sent = sendto(descriptor, bytes, count, MSG_NOSIGNAL, (struct sockaddr *)&address, size);
    int error = errno;
    close(descriptor);
    return sent < 0 ? -error : 0;
}

// MARK: sockets of others

static int apus_option(int descriptor, int option) {
    int value = 0;
    socklen_t length = sizeof value;
    return getsockopt(descriptor, SOL_SOCKET, option, &value, &length) < 0 ? -errno : value;
}

int apus_is_tcp_listener(int descriptor) {
    int domain = apus_option(descriptor, SO_DOMAIN);
    if (domain < 0) return domain;
    return (domain == AF_INET || domain == AF_INET6) && apus_option(descriptor, SO_PROTOCOL) == IPPROTO_TCP
        && apus_option(descriptor, SO_ACCEPTCONN) == 1;
}

int apus_adopt_listener(int descriptor) {
    int on = 1;
    int flags = fcntl(descriptor, F_GETFL);
    if (flags < 0 || fcntl(descriptor, F_SETFL, flags | O_NONBLOCK) < 0
        || setsockopt(descriptor, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on) < 0)
        return -errno;
    return apus_close_on_exec(descriptor, 1);
}

int apus_close_on_exec(int descriptor, int on) {
    return fcntl(descriptor, F_SETFD, on ? FD_CLOEXEC : 0) < 0 ? -errno : 0;
}

int apus_bound_address(int descriptor, struct apus_address *address) {
    struct sockaddr_storage storage;
    socklen_t length = sizeof storage;
    if (getsockname(descriptor, (struct sockaddr *)&storage, &length) < 0) return -errno;
    if (storage.ss_family != AF_INET && storage.ss_family != AF_INET6) return -EAFNOSUPPORT;
    *address = apus_from_sockaddr(&storage);
    return 0;
}

// MARK: descriptors over a Unix socket

enum { APUS_MOST_DESCRIPTORS = 64 };

union apus_control {
    char bytes[CMSG_SPACE(sizeof(int) * APUS_MOST_DESCRIPTORS)];
    struct cmsghdr aligned;
};

int apus_message_pair(int ends[2]) {
    return socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) < 0 ? -errno : 0;
}

intptr_t apus_send_message(
    int socket, const void *bytes, size_t count, const int *descriptors, size_t descriptor_count) {
    if (descriptor_count > APUS_MOST_DESCRIPTORS) return -EINVAL;
    struct iovec piece = {.iov_base = (void *)bytes, .iov_len = count};
    struct msghdr message = {.msg_iov = &piece, .msg_iovlen = 1};
    union apus_control control = {0};
    if (descriptor_count > 0) {
        message.msg_control = control.bytes;
        message.msg_controllen = CMSG_SPACE(sizeof(int) * descriptor_count);
        struct cmsghdr *header = CMSG_FIRSTHDR(&message);
        header->cmsg_level = SOL_SOCKET;
        header->cmsg_type = SCM_RIGHTS;
        header->cmsg_len = CMSG_LEN(sizeof(int) * descriptor_count);
        memcpy(CMSG_DATA(header), descriptors, sizeof(int) * descriptor_count);
    }
    ssize_t sent = sendmsg(socket, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
    return sent < 0 ? -errno : sent;
}

intptr_t apus_receive_message(int socket, void *bytes, size_t capacity, int *descriptors, size_t *descriptor_count) {
    size_t room = *descriptor_count;
    *descriptor_count = 0;
    struct iovec piece = {.iov_base = bytes, .iov_len = capacity};
    union apus_control control;
    struct msghdr message = {
        .msg_iov = &piece, .msg_iovlen = 1, .msg_control = control.bytes, .msg_controllen = sizeof control.bytes};
    ssize_t received = recvmsg(socket, &message, MSG_CMSG_CLOEXEC | MSG_DONTWAIT);
    if (received < 0) return -errno;
    int overflow = (message.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) != 0;
    for (struct cmsghdr *header = CMSG_FIRSTHDR(&message); header; header = CMSG_NXTHDR(&message, header)) {
        if (header->cmsg_level != SOL_SOCKET || header->cmsg_type != SCM_RIGHTS) continue;
        size_t came = (header->cmsg_len - CMSG_LEN(0)) / sizeof(int);
        for (size_t index = 0; index < came; index++) {
            int descriptor;
            memcpy(&descriptor, CMSG_DATA(header) + index * sizeof(int), sizeof descriptor);
            if (*descriptor_count < room) {
                descriptors[(*descriptor_count)++] = descriptor;
            } else {
                overflow = 1;
                close(descriptor);
            }
        }
    }
    if (!overflow) return received;
    while (*descriptor_count > 0) close(descriptors[--*descriptor_count]);
    return -EMSGSIZE;
}

int apus_shut_reading(int socket) { return shutdown(socket, SHUT_RD) < 0 ? -errno : 0; }

// MARK: another process

// Pointers to the texts, and a null behind them.
static char **apus_pointers(const char *texts, size_t bytes) {
    size_t count = 0;
    for (size_t at = 0; at < bytes; at++) count += texts[at] == 0;
    char **pointers = calloc(count + 1, sizeof *pointers);
    if (!pointers) return 0;
    for (size_t at = 0, index = 0; index < count; index++) {
        pointers[index] = (char *)texts + at;
        at += strlen(texts + at) + 1;
    }
    return pointers;
}

// Of a program that is to be started, what the new process needs before it executes it.
struct apus_start {
    const char *path;
    char **argv, **envp;
    int handed;
    int error;
};

// The new process, on a stack of its own in our memory, while the thread that made it waits: what is done here is seen
// there. No library function that takes a lock may be called.
static int apus_begin_program(void *argument) {
    struct apus_start *start = argument;
    struct sigaction usual = {.sa_handler = SIG_DFL};
    for (int number = 1; number < NSIG; number++) sigaction(number, &usual, 0);
    if (start->handed == 3 ? fcntl(3, F_SETFD, 0) < 0 : dup2(start->handed, 3) < 0) goto failed;
    if (close_range(4, ~0U, 0) < 0) goto failed;
    sigset_t none;
    sigemptyset(&none);
    // The thread that calls may block signals; the program must not.
    sigprocmask(SIG_SETMASK, &none, 0);
    execve(start->path, start->argv, start->envp);
failed:
    start->error = errno;
    _exit(127);
}

// posix_spawn(3) does the same, but knows no way to ask for a parent, or for a descriptor of the process.
static pid_t apus_start_program(struct apus_start *start, int is_sibling, int *process) {
    enum { stack_size = 64 << 10 };
    char *stack = mmap(0, stack_size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK, -1, 0);
    if (stack == MAP_FAILED) return -errno;
    sigset_t all, before;
    sigfillset(&all);
    // Until the handlers are gone, one that runs in the new process would write into our memory.
    pthread_sigmask(SIG_BLOCK, &all, &before);
    int flags = CLONE_VM | CLONE_VFORK | CLONE_PIDFD | SIGCHLD;
    pid_t child =
        clone(apus_begin_program, stack + stack_size, flags | (is_sibling ? CLONE_PARENT : 0), start, process);
    // The first process of a container has no parent there.
    if (child < 0 && errno == EINVAL && is_sibling)
        child = clone(apus_begin_program, stack + stack_size, flags, start, process);
    int error = child < 0 ? errno : start->error;
    pthread_sigmask(SIG_SETMASK, &before, 0);
    munmap(stack, stack_size);
    if (child > 0 && error) {
        close(*process);
        // Where it is not our child, its parent does.
        waitpid(child, 0, 0);
    }
    return error ? -error : child;
}

pid_t apus_spawn(
    const char *path, const char *arguments, size_t argument_bytes, const char *environment, size_t environment_bytes,
    int handed, int is_sibling, int *process) {
    struct apus_start start = {
        .path = path,
        .argv = apus_pointers(arguments, argument_bytes),
        .envp = apus_pointers(environment, environment_bytes),
        .handed = handed};
    pid_t child = start.argv && start.envp ? apus_start_program(&start, is_sibling, process) : -ENOMEM;
    free(start.argv);
    free(start.envp);
    return child;
}

int apus_wait_for_process(int process, int milliseconds) {
    struct pollfd end = {.fd = process, .events = POLLIN};
    int result = poll(&end, 1, milliseconds);
    return result < 0 ? -errno : result;
}

int apus_signal_process(int process, int number) {
    return syscall(SYS_pidfd_send_signal, process, number, 0, 0) < 0 ? -errno : 0;
}

const char *apus_environment(size_t index) { return environ ? environ[index] : 0; }

pid_t apus_reap(pid_t child, int *status) {
    pid_t result = waitpid(child, status, WNOHANG);
    return result < 0 ? -errno : result;
}

int apus_exit_reason(int status) { return WIFSIGNALED(status) ? -WTERMSIG(status) : WEXITSTATUS(status); }

// MARK: the user

int apus_find_user(const char *name, uid_t *user, gid_t *group) {
    struct passwd entry, *found = 0;
    char buffer[16384];
    int error = getpwnam_r(name, &entry, buffer, sizeof buffer, &found);
    if (error) return -error;
    if (!found) return -ENOENT;
    *user = entry.pw_uid;
    *group = entry.pw_gid;
    return 0;
}

int apus_find_group(const char *name, gid_t *group) {
    struct group entry, *found = 0;
    // A group lists its members.
    char buffer[65536];
    int error = getgrnam_r(name, &entry, buffer, sizeof buffer, &found);
    if (error) return -error;
    if (!found) return -ENOENT;
    *group = entry.gr_gid;
    return 0;
}

int apus_thread_count(void) {
    DIR *threads = opendir("/proc/self/task");
    if (!threads) return -errno;
    int count = 0;
    for (struct dirent *entry; (entry = readdir(threads));) count += entry->d_name[0] != '.';
    closedir(threads);
    return count;
}

static int apus_capabilities(struct __user_cap_data_struct data[2]) {
    struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
    return syscall(SYS_capget, &header, data) < 0 ? -errno : 0;
}

int apus_may_bind_low_ports(void) {
    struct __user_cap_data_struct data[2];
    int result = apus_capabilities(data);
    return result < 0 ? result : (data[0].permitted >> CAP_NET_BIND_SERVICE) & 1;
}

int apus_set_groups(const char *user, gid_t group) { return initgroups(user, group) < 0 ? -errno : 0; }

int apus_set_group(gid_t group) { return setresgid(group, group, group) < 0 ? -errno : 0; }

int apus_set_user(uid_t user) { return setresuid(user, user, user) < 0 ? -errno : 0; }

int apus_keep_capabilities(int on) { return prctl(PR_SET_KEEPCAPS, on, 0, 0, 0) < 0 ? -errno : 0; }

int apus_limit_capabilities(int keep_low_ports) {
    struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct data[2] = {{0}};
    uint32_t kept = keep_low_ports ? 1u << CAP_NET_BIND_SERVICE : 0;
    data[0].permitted = data[0].effective = data[0].inheritable = kept;
    if (syscall(SYS_capset, &header, data) < 0) return -errno;
    if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) < 0) return -errno;
    if (keep_low_ports && prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, CAP_NET_BIND_SERVICE, 0, 0) < 0) return -errno;
    return 0;
}

int apus_no_new_privileges(void) { return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ? -errno : 0; }

int apus_can_become(uid_t user) { return setresuid(user, user, user) == 0; }

// MARK: the terminal

int apus_terminal_size(int *columns, int *rows) {
    struct winsize size;
    if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) < 0) return -errno;
    *columns = size.ws_col;
    *rows = size.ws_row;
    return 0;
}

int apus_terminal_single_keys(int on) {
    static struct termios before;
    static int is_on = 0;
    if (!on) {
        if (!is_on) return 0;
        is_on = 0;
        return tcsetattr(STDIN_FILENO, TCSANOW, &before) < 0 ? -errno : 0;
    }
    if (is_on) return 0;
    if (tcgetattr(STDIN_FILENO, &before) < 0) return -errno;
    struct termios keys = before;
    keys.c_lflag &= ~(tcflag_t)(ICANON | ECHO | ISIG);
    is_on = 1;
    return tcsetattr(STDIN_FILENO, TCSANOW, &keys) < 0 ? -errno : 0;
}
