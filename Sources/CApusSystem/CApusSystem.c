// What the header cannot hold: GNU extensions, which Swift's view of the C library is made without.
#define _GNU_SOURCE
#include "CApusSystem.h"

#include <signal.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>

int apus_accept(int listener, struct apus_address *peer) {
    struct sockaddr_storage storage;
    socklen_t length = sizeof storage;
    int descriptor = accept4(listener, (struct sockaddr *)&storage, &length, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (descriptor < 0) return -errno;
    *peer = apus_from_sockaddr(&storage);
    return descriptor;
}

void apus_begin_thread(const char *name) {
    pthread_setname_np(pthread_self(), name);
    // splice(2) and write(2) cannot be told to leave the signals out; the errors that they return are enough.
    sigset_t errors;
    sigemptyset(&errors);
    sigaddset(&errors, SIGPIPE);
    sigaddset(&errors, SIGXFSZ);
    pthread_sigmask(SIG_BLOCK, &errors, 0);
}

int apus_pipe(int ends[2], int capacity) {
    if (pipe2(ends, O_NONBLOCK | O_CLOEXEC) < 0) return -errno;
    // More than the default where the system allows it: fewer calls for the same bytes.
    fcntl(ends[1], F_SETPIPE_SZ, capacity);
    return 0;
}

intptr_t apus_splice(int from, int to, size_t count) {
    ssize_t result = splice(from, 0, to, 0, count, SPLICE_F_MOVE | SPLICE_F_NONBLOCK);
    return result < 0 ? -errno : result;
}

int apus_replace(int descriptor, int with) {
    return dup3(with, descriptor, O_CLOEXEC) < 0 ? -errno : 0;
}

int apus_ends_inside_line(int descriptor) {
    struct stat status;
    int flags = fcntl(descriptor, F_GETFL);
    if (flags < 0 || !(flags & O_APPEND) || fstat(descriptor, &status) < 0) return 0;
    if (!S_ISREG(status.st_mode) || status.st_size == 0) return 0;
    // It was opened for writing only, and what stands at its path may be another file by now.
    char path[32];
    snprintf(path, sizeof path, "/proc/self/fd/%d", descriptor);
    int reader = open(path, O_RDONLY | O_CLOEXEC);
    if (reader < 0) return 0;
    char last;
    int result = pread(reader, &last, 1, status.st_size - 1) == 1 && last != '\n';
    close(reader);
    return result;
}

int apus_datagrams_to_path(const char *path) {
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    if (strlen(path) >= sizeof address.sun_path) return -ENAMETOOLONG;
    strcpy(address.sun_path, path);
    int descriptor = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (descriptor < 0) return -errno;
    if (connect(descriptor, (struct sockaddr *)&address, sizeof address) < 0) {
        int error = errno;
        close(descriptor);
        return -error;
    }
    return descriptor;
}

int apus_thread_number(void) { return (int)syscall(SYS_gettid); }
