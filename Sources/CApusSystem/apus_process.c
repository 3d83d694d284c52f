// GNU extensions, which Swift's view of the C library is made without.
#define _GNU_SOURCE
#include "CApusSystem.h"

#include <dirent.h>
#include <grp.h>
#include <linux/capability.h>
#include <pwd.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <termios.h>

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

pid_t apus_spawn(
    const char *path, const char *arguments, size_t argument_bytes, const char *environment, size_t environment_bytes,
    int handed) {
    char **argv = apus_pointers(arguments, argument_bytes);
    char **envp = apus_pointers(environment, environment_bytes);
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    sigset_t none, all;
    sigemptyset(&none);
    sigfillset(&all);
    pid_t child = 0;
    // Each of these fails for want of memory alone. The thread that calls may block signals; the program must not.
    int error = argv && envp ? 0 : ENOMEM;
    if (!error) error = posix_spawn_file_actions_init(&actions);
    if (!error) {
        error = posix_spawnattr_init(&attributes);
        if (!error) {
            error = posix_spawn_file_actions_adddup2(&actions, handed, 3);
            if (!error) error = posix_spawn_file_actions_addclosefrom_np(&actions, 4);
            if (!error) error = posix_spawnattr_setsigmask(&attributes, &none);
            if (!error) error = posix_spawnattr_setsigdefault(&attributes, &all);
            if (!error)
                error = posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
            if (!error) error = posix_spawn(&child, path, &actions, &attributes, argv, envp);
            posix_spawnattr_destroy(&attributes);
        }
        posix_spawn_file_actions_destroy(&actions);
    }
    free(argv);
    free(envp);
    return error ? -error : child;
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
