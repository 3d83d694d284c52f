// Tells ThreadSanitizer what Swift's Mutex does when threads have to wait for one another.
//
// That part of it is inside libswiftSynchronization, which is not instrumented: the system itself hands the lock from
// one thread to the next (FUTEX_LOCK_PI), ThreadSanitizer sees neither of them, and calls every access under a lock that
// was waited for a race. A fifteen-line program with one Mutex and four threads is reported so. Preloaded by `make tsan`,
// in front of the library; without ThreadSanitizer in the process it does nothing.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdint.h>

void __tsan_acquire(void *address) __attribute__((weak));
void __tsan_release(void *address) __attribute__((weak));

#define SWIFT __attribute__((swiftcall))
#define SELF __attribute__((swift_context)) void *

// _MutexHandle._lockSlow(_: UInt32), _MutexHandle._unlockSlow(): the lock's word is where the handle is, and the fast
// paths, which are compiled into whoever locks, synchronize on the same address.
#define LOCK_SLOW "$s15Synchronization12_MutexHandleV9_lockSlowyys6UInt32VF"
#define UNLOCK_SLOW "$s15Synchronization12_MutexHandleV11_unlockSlowyyF"

SWIFT void lock_slow(uint32_t thread, SELF handle) __asm__(LOCK_SLOW);
SWIFT void unlock_slow(SELF handle) __asm__(UNLOCK_SLOW);

SWIFT void lock_slow(uint32_t thread, SELF handle) {
    SWIFT void (*next)(uint32_t, SELF) = (SWIFT void (*)(uint32_t, SELF))dlsym(RTLD_NEXT, LOCK_SLOW);
    next(thread, handle);
    if (__tsan_acquire) __tsan_acquire(handle);
}

SWIFT void unlock_slow(SELF handle) {
    SWIFT void (*next)(SELF) = (SWIFT void (*)(SELF))dlsym(RTLD_NEXT, UNLOCK_SLOW);
    if (__tsan_release) __tsan_release(handle);
    next(handle);
}
