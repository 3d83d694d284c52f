// The process and those around it: its service manager, its successor, the user that it runs as. A call that fails
// returns minus its errno.
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "apus_address.h"

// MARK: the service manager

// Sends one datagram to a Unix socket; a path that begins with '@' is an abstract one.
int apus_send_datagram(const char *path, const void *bytes, size_t count);

// MARK: sockets of others

// Whether the descriptor is a TCP socket that listens: 1, 0, or minus an errno.
int apus_is_tcp_listener(int descriptor);

// Makes an inherited listening socket what `apus_listen` would have made: close-on-exec, non-blocking, without Nagle's
// delay.
int apus_adopt_listener(int descriptor);

// Closes the descriptor in children, or leaves it open there.
int apus_close_on_exec(int descriptor, int on);

// The address that a socket is bound to; EAFNOSUPPORT for one without an IP address.
int apus_bound_address(int descriptor, struct apus_address *address);

// MARK: descriptors over a Unix socket

// Two ends of a socket that keeps the borders of messages, close-on-exec.
int apus_message_pair(int ends[2]);

// Sends one message, descriptors with it. Does not block: EAGAIN says that there is no room.
intptr_t apus_send_message(
    int socket, const void *bytes, size_t count, const int *descriptors, size_t descriptor_count);

// The next message with its descriptors, which are close-on-exec; 0 at the end. Does not block. `descriptor_count` says
// how many fit, and then how many came. EMSGSIZE for a message that did not fit; its descriptors are closed.
intptr_t apus_receive_message(int socket, void *bytes, size_t capacity, int *descriptors, size_t *descriptor_count);

// Lets nothing more in; what has come can still be read. A peer that sends gets EPIPE.
int apus_shut_reading(int socket);

// MARK: another process

// Starts a program. `arguments` and `environment` hold their texts one behind the other, each with its 0 at the end.
// Of our descriptors it has the standard ones, and `handed` as number 3. Its signals are at their defaults. A sibling
// has our parent for its own, where we have one. `process` becomes a descriptor of it (pidfd_open(2)).
pid_t apus_spawn(
    const char *path, const char *arguments, size_t argument_bytes, const char *environment, size_t environment_bytes,
    int handed, int is_sibling, int *process);

// Waits for its end: 1 when it has ended, 0 when the time is over.
int apus_wait_for_process(int process, int milliseconds);

// Sends a signal to that very process, never to another that has got its number since.
int apus_signal_process(int process, int number);

// The environment's entry at `index`; null past the last.
const char *apus_environment(size_t index);

// Whether a child has ended, without waiting: its pid and wait status, 0 while it runs.
pid_t apus_reap(pid_t child, int *status);

// How a wait status reads: the exit status, or minus the signal.
int apus_exit_reason(int status);

// MARK: the user

// User and primary group of a name. ENOENT when nobody is called so.
int apus_find_user(const char *name, uid_t *user, gid_t *group);
int apus_find_group(const char *name, gid_t *group);

// How many threads the process has.
int apus_thread_count(void);

// Whether the calling thread may use CAP_NET_BIND_SERVICE.
int apus_may_bind_low_ports(void);

int apus_set_groups(const char *user, gid_t group);
int apus_set_group(gid_t group);
int apus_set_user(uid_t user);
int apus_keep_capabilities(int on);

// Leaves the calling thread no capability but CAP_NET_BIND_SERVICE, which programs it starts have too; with 0, none.
int apus_limit_capabilities(int keep_low_ports);

// Neither this process nor one that it starts gains rights by executing a file (set-user-ID, file capabilities).
int apus_no_new_privileges(void);

// Whether the process could become this user: 1 if so. Leaves it as it is only if it could not.
int apus_can_become(uid_t user);

// MARK: the terminal

// The size of standard output's terminal.
int apus_terminal_size(int *columns, int *rows);

// Keys of standard input's terminal one by one, unseen and unexplained; with 0, as they were before.
int apus_terminal_single_keys(int on);
