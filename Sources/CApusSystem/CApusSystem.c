// What the header cannot hold: GNU extensions, which Swift's view of the C library is made without.
#define _GNU_SOURCE
#include "CApusSystem.h"

#include <sys/socket.h>

int apus_accept(int listener, struct apus_address *peer) {
    struct sockaddr_storage storage;
    socklen_t length = sizeof storage;
    int descriptor = accept4(listener, (struct sockaddr *)&storage, &length, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (descriptor < 0) return -errno;
    *peer = apus_from_sockaddr(&storage);
    return descriptor;
}

void apus_name_thread(const char *name) { pthread_setname_np(pthread_self(), name); }
